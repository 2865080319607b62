//! Logging in over SASL: PLAIN, SCRAM (RFC 5802) and OAUTHBEARER (RFC 7628).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use connect_api::{Error, Result};
use hmac::{Hmac, Mac};
use kafka_protocol::{
    messages::{SaslAuthenticateRequest, SaslHandshakeRequest},
    protocol::StrBytes,
};
use sha2::{Digest, Sha256, Sha512};

use super::{
    connection::Connection,
    jaas::Credentials,
    oauth::TokenSource,
    security::{Hash, Login},
};

const WAIT: Duration = Duration::from_secs(10);
/// RFC 7677 asks for 4096; a server that wants this many only wants our time.
const ITERATIONS_MAX: u32 = 1 << 20;

/// Logs in on a fresh connection.
pub(super) async fn log_in(connection: &mut Connection, login: &Login) -> Result<()> {
    let mechanism = login.mechanism();
    let handshake = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
    let answer = connection.request(1, &handshake, WAIT).await?;
    if answer.error_code != 0 {
        let offered: Vec<&str> = answer.mechanisms.iter().map(|name| name.as_str()).collect();
        return Err(Error::config(format!(
            "the brokers don't offer sasl.mechanism {mechanism}, but {}",
            offered.join(", ")
        )));
    }
    match login {
        Login::Plain(credentials) => {
            let message = format!("\0{}\0{}", credentials.username, credentials.password.reveal());
            exchange(connection, message.into_bytes()).await.map(drop)
        }
        Login::Scram(hash, credentials) => scram(connection, credentials, *hash).await,
        Login::Bearer(tokens) => bearer(connection, tokens).await,
    }
}

/// RFC 7628.
async fn bearer(connection: &mut Connection, tokens: &TokenSource) -> Result<()> {
    let token = tokens.token().await?;
    let refused = exchange(connection, bearer_message(token.value.reveal(), tokens.extensions())).await?;
    if refused.is_empty() {
        return Ok(());
    }
    // The broker says in JSON what it does not like, and ends the exchange once it is told that this was understood.
    let reason = String::from_utf8_lossy(&refused).into_owned();
    match exchange(connection, vec![1]).await {
        Ok(_) => Err(Error::config(format!("the brokers refused the token: {reason}"))),
        Err(error) => Err(error),
    }
}

fn bearer_message(token: &str, extensions: &[(String, String)]) -> Vec<u8> {
    let mut message = format!("n,,\x01auth=Bearer {token}\x01");
    for (key, value) in extensions {
        message.push_str(&format!("{key}={value}\x01"));
    }
    message.push('\x01');
    message.into_bytes()
}

async fn exchange(connection: &mut Connection, message: Vec<u8>) -> Result<Bytes> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(message));
    let answer = connection.request(1, &request, WAIT).await?;
    // Brokers with `connections.max.reauth.ms`, and those that look at the end of a token, close what outlives this.
    if let Some(lifetime) = u64::try_from(answer.session_lifetime_ms).ok().filter(|millis| *millis > 0) {
        connection.lives_for(Duration::from_millis(lifetime));
    }
    if answer.error_code != 0 {
        let reason = answer.error_message.map(|text| text.to_string()).unwrap_or_default();
        return Err(Error::config(format!("{} refused the login: {reason}", connection.address())));
    }
    Ok(answer.auth_bytes)
}

impl Hash {
    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(data).to_vec(),
            Hash::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        fn mac<M: Mac + hmac::digest::KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
            let mut mac = <M as hmac::digest::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Hash::Sha256 => mac::<Hmac<Sha256>>(key, data),
            Hash::Sha512 => mac::<Hmac<Sha512>>(key, data),
        }
    }

    /// `Hi` of RFC 5802, which is PBKDF2 with one block.
    fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        let mut block = self.hmac(password, &[salt, &[0, 0, 0, 1]].concat());
        let mut sum = block.clone();
        for _ in 1..iterations {
            block = self.hmac(password, &block);
            sum.iter_mut().zip(&block).for_each(|(a, b)| *a ^= b);
        }
        sum
    }
}

async fn scram(connection: &mut Connection, credentials: &Credentials, hash: Hash) -> Result<()> {
    let mut random = [0_u8; 18];
    getrandom::fill(&mut random).map_err(|error| Error::fatal(format!("no random numbers: {error}")))?;
    let nonce = BASE64.encode(random);
    let username = credentials.username.replace('=', "=3D").replace(',', "=2C");
    let first = format!("n={username},r={nonce}");
    let challenge = exchange(connection, format!("n,,{first}").into_bytes()).await?;
    let challenge = String::from_utf8_lossy(&challenge).into_owned();
    let (last, signature) = respond(&first, &challenge, credentials, hash)
        .filter(|_| attribute(&challenge, "r").is_some_and(|theirs| theirs.starts_with(&nonce)))
        .ok_or_else(|| Error::config("the brokers sent a SCRAM challenge that can't be right"))?;
    let verdict = exchange(connection, last.into_bytes()).await?;
    if attribute(&String::from_utf8_lossy(&verdict), "v") != Some(BASE64.encode(signature).as_str()) {
        return Err(Error::config("the broker does not know the password it claims to know"));
    }
    Ok(())
}

/// The final message to a challenge, and the signature by which the server must prove itself.
fn respond(first: &str, challenge: &str, credentials: &Credentials, hash: Hash) -> Option<(String, Vec<u8>)> {
    let nonce = attribute(challenge, "r")?;
    let salt = BASE64.decode(attribute(challenge, "s")?).ok()?;
    let iterations: u32 = attribute(challenge, "i")?.parse().ok().filter(|n| (1..=ITERATIONS_MAX).contains(n))?;
    let salted = hash.salted(credentials.password.reveal().as_bytes(), &salt, iterations);
    let client_key = hash.hmac(&salted, b"Client Key");
    let stored_key = hash.digest(&client_key);
    let without_proof = format!("c=biws,r={nonce}");
    let message = format!("{first},{challenge},{without_proof}");
    let signature = hash.hmac(&stored_key, message.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
    let server_key = hash.hmac(&salted, b"Server Key");
    let server_signature = hash.hmac(&server_key, message.as_bytes());
    Some((format!("{without_proof},p={}", BASE64.encode(proof)), server_signature))
}

fn attribute<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_api::Password;

    #[test]
    fn a_token_is_wrapped_with_its_extensions() {
        assert_eq!(bearer_message("t", &[]), b"n,,\x01auth=Bearer t\x01\x01");
        let extensions = [("logicalCluster".to_owned(), "lkc-1".to_owned())];
        assert_eq!(bearer_message("t", &extensions), b"n,,\x01auth=Bearer t\x01logicalCluster=lkc-1\x01\x01");
    }

    #[test]
    fn answers_the_example_of_rfc_7677() {
        let credentials = Credentials { username: "user".into(), password: Password::new("pencil") };
        let first = "n=user,r=rOprNGfwEbeRWgbNEkqO";
        let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (last, signature) = respond(first, challenge, &credentials, Hash::Sha256).expect("a right challenge");
        assert_eq!(
            last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(BASE64.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }
}
