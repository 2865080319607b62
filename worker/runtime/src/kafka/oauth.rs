//! Tokens for SASL OAUTHBEARER: asked of a token endpoint (OpenID Connect's client credentials) or read from a file.

use std::time::Duration;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD},
};
use connect_api::{Error, Password, Props, Result};
use rdkafka::client::OAuthToken;
use serde_json::Value;
use tokio::sync::Mutex;

use super::jaas::Jaas;

const WAIT: Duration = Duration::from_secs(10);
/// A token that says nothing of its end is asked for again after this.
const LIFETIME_MS: i64 = 300_000;
/// A token this near to its end is not used for a new connection.
const MARGIN_MS: i64 = 10_000;

/// Where tokens come from. The last one is kept while it is good.
pub(super) struct TokenSource {
    origin: Origin,
    extensions: Vec<(String, String)>,
    last: Mutex<Option<Token>>,
}

enum Origin {
    Endpoint {
        url: String,
        id: String,
        secret: Password,
        scope: Option<String>,
        http: Box<reqwest::Client>,
    },
    File(String),
    /// A token that the configuration itself holds.
    Given(Password),
}

/// A token, and what is known of it.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: Password,
    pub(super) principal: String,
    pub(super) expires_ms: i64,
}

impl TokenSource {
    /// Reads Kafka's properties and JAAS options, and those of Strimzi's login handler, which many use.
    pub(super) fn of(java: &Props, jaas: &Jaas) -> Result<Self> {
        if jaas.module != "OAuthBearerLoginModule" {
            return Err(Error::config(format!(
                "sasl.jaas.config names the login module {}; sasl.mechanism OAUTHBEARER needs OAuthBearerLoginModule",
                jaas.module
            )));
        }
        let property = |key: &str| java.get(key).map(String::as_str).filter(|text| !text.trim().is_empty());
        let extensions = jaas.options_with("extension_");
        let of = |origin| Ok(Self { origin, extensions, last: Mutex::new(None) });
        if let Some(token) = jaas.option("oauth.access.token") {
            return of(Origin::Given(Password::new(token)));
        }
        let url = property("sasl.oauthbearer.token.endpoint.url").or(jaas.option("oauth.token.endpoint.uri"));
        let url =
            url.ok_or_else(|| Error::config("sasl.mechanism OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url"))?;
        if let Some(path) = url.strip_prefix("file:") {
            return of(Origin::File(format!("/{}", path.trim_start_matches('/'))));
        }
        let credential = |key: &str, options: [&str; 2]| {
            property(&format!("sasl.oauthbearer.client.credentials.{key}"))
                .or_else(|| options.iter().find_map(|option| jaas.option(option)))
        };
        let missing = |what: &str| {
            Error::config(format!("sasl.mechanism OAUTHBEARER needs {what} in sasl.jaas.config for its token endpoint"))
        };
        of(Origin::Endpoint {
            http: Box::new(http(jaas)?),
            url: url.to_owned(),
            id: credential("client.id", ["clientId", "oauth.client.id"]).ok_or_else(|| missing("clientId"))?.to_owned(),
            secret: Password::new(
                credential("client.secret", ["clientSecret", "oauth.client.secret"])
                    .ok_or_else(|| missing("clientSecret"))?,
            ),
            scope: property("sasl.oauthbearer.scope")
                .or_else(|| jaas.option("scope"))
                .or_else(|| jaas.option("oauth.scope"))
                .map(str::to_owned),
        })
    }

    /// Key and value pairs that go to the broker beside the token.
    pub(super) fn extensions(&self) -> &[(String, String)] {
        &self.extensions
    }

    /// A token for librdkafka, which asks from threads of its own.
    pub(super) fn for_librdkafka(&self) -> Result<OAuthToken> {
        let token = std::thread::scope(|scope| scope.spawn(|| self.blocking()).join())
            .map_err(|_| Error::fatal("asking for a token died"))??;
        Ok(OAuthToken {
            token: token.value.reveal().to_owned(),
            principal_name: token.principal,
            lifetime_ms: token.expires_ms,
        })
    }

    /// For a thread without a runtime.
    fn blocking(&self) -> Result<Token> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::fatal(format!("could not ask for a token: {error}")))?;
        runtime.block_on(self.token())
    }

    /// A token that is good for a while.
    pub(super) async fn token(&self) -> Result<Token> {
        let mut last = self.last.lock().await;
        if let Some(token) = last.as_ref().filter(|token| token.expires_ms > crate::now_ms() + MARGIN_MS) {
            return Ok(token.clone());
        }
        let (text, seconds) = match &self.origin {
            Origin::Given(token) => (token.reveal().to_owned(), None),
            Origin::File(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Error::retriable(format!("could not read the token of {path}: {error}")))?;
                (text.trim().to_owned(), None)
            }
            Origin::Endpoint { url, id, secret, scope, http } => ask(http, url, (id, secret), scope.as_deref()).await?,
        };
        let token = understand(text, seconds);
        *last = Some(token.clone());
        Ok(token)
    }
}

/// A client for the token endpoint. It trusts whom the world trusts, whom the system trusts, and whom the line names in
/// the way of Kafka (`ssl.truststore.location`) or of Strimzi (`oauth.ssl.truststore.location`).
fn http(jaas: &Jaas) -> Result<reqwest::Client> {
    let mut store = Props::new();
    for prefix in ["oauth.ssl.", "ssl."] {
        store.extend(jaas.options_with(prefix).into_iter().map(|(key, value)| (format!("ssl.{key}"), value)));
    }
    // A connection is for one token, and a token for minutes; nor may it outlive the thread that asked for it.
    let mut client = reqwest::Client::builder().timeout(WAIT).pool_max_idle_per_host(0);
    for certificate in super::tls::authorities(&store)? {
        // One that the HTTP client can't read signs nothing that it could accept.
        if let Ok(certificate) = reqwest::Certificate::from_der(&certificate) {
            client = client.add_root_certificate(certificate);
        }
    }
    client.build().map_err(|error| Error::config(format!("could not make a client for the token endpoint: {error}")))
}

/// The token, and for how many seconds it is good if that is said.
async fn ask(
    client: &reqwest::Client,
    url: &str,
    (id, secret): (&str, &Password),
    scope: Option<&str>,
) -> Result<(String, Option<i64>)> {
    let failed = |reason: String| Error::retriable(format!("could not get a token from {url}: {reason}"));
    let mut form = "grant_type=client_credentials".to_owned();
    if let Some(scope) = scope {
        form.push_str("&scope=");
        form.extend(form_encoded(scope));
    }
    let login = BASE64.encode(format!("{id}:{}", secret.reveal()));
    let request = client
        .post(url)
        .header("authorization", format!("Basic {login}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .body(form);
    // The address is in the message already; the error's own words would repeat it.
    let answer = request.send().await.map_err(|error| failed(why(error)))?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|error| failed(why(error)))?;
    if status.is_client_error() {
        return Err(Error::config(format!("{url} refused to give a token to client {id}: {status}")));
    }
    let body: Value = serde_json::from_slice(&body).map_err(|_| failed(format!("{status} without JSON")))?;
    match body["access_token"].as_str() {
        Some(token) => Ok((token.to_owned(), body["expires_in"].as_i64())),
        None => Err(failed(format!("{status} without an access_token"))),
    }
}

fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

fn form_encoded(text: &str) -> impl Iterator<Item = String> {
    text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    })
}

/// What a token says of itself, when it is a JWT.
fn understand(text: String, seconds: Option<i64>) -> Token {
    let payload = text.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
    let claims: Value = payload.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    let said = claims["exp"].as_f64().map(|seconds| (seconds * 1000.0) as i64);
    let expires_ms = said
        .or_else(|| seconds.map(|seconds| crate::now_ms().saturating_add(seconds.saturating_mul(1000))))
        .unwrap_or_else(|| crate::now_ms() + LIFETIME_MS);
    let principal = claims["sub"].as_str().unwrap_or_default().to_owned();
    Token { value: Password::new(text), principal, expires_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties;

    fn source(properties: &str, line: &str) -> Result<TokenSource> {
        TokenSource::of(&properties::parse(properties), &Jaas::parse(line))
    }

    #[test]
    fn what_a_token_says_of_itself_is_read() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"alice","exp":1700000000}"#);
        let token = understand(format!("x.{payload}."), Some(5));
        assert_eq!((token.principal.as_str(), token.expires_ms), ("alice", 1_700_000_000_000));
        let opaque = understand("opaque".into(), Some(60));
        assert!(opaque.principal.is_empty() && opaque.expires_ms > crate::now_ms() + 50_000);
    }

    #[test]
    fn each_way_of_writing_the_credentials_is_read() {
        let url = "sasl.oauthbearer.token.endpoint.url=https://idp/token";
        let strimzi = "x.OAuthBearerLoginModule required oauth.client.id=a oauth.client.secret=b \
                       oauth.token.endpoint.uri='https://idp/token' ;";
        for (properties, line) in [
            (url.to_owned(), "x.OAuthBearerLoginModule required clientId='a' clientSecret=\"b\";"),
            (
                format!(
                    "{url}\nsasl.oauthbearer.client.credentials.client.id=a\n\
                     sasl.oauthbearer.client.credentials.client.secret=b"
                ),
                "x.OAuthBearerLoginModule required;",
            ),
            (String::new(), strimzi),
        ] {
            let source = source(&properties, line).expect("a right configuration");
            let Origin::Endpoint { url, id, secret, .. } = &source.origin else { panic!("{line}") };
            assert_eq!((url.as_str(), id.as_str(), secret.reveal()), ("https://idp/token", "a", "b"));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = |properties, line| source(properties, line).err().map(|error| error.message().to_owned());
        assert_eq!(
            refused("", "x.OAuthBearerLoginModule required;").as_deref(),
            Some("sasl.mechanism OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url")
        );
        assert_eq!(
            refused("sasl.oauthbearer.token.endpoint.url=http://x", "x.OAuthBearerLoginModule required clientId=a;")
                .as_deref(),
            Some("sasl.mechanism OAUTHBEARER needs clientSecret in sasl.jaas.config for its token endpoint")
        );
    }

    #[tokio::test]
    async fn a_token_may_stand_in_a_file() {
        let path = std::env::temp_dir().join(format!("token-{}", std::process::id()));
        std::fs::write(&path, "tok\n").expect("a temporary file");
        let url = format!("sasl.oauthbearer.token.endpoint.url=file://{}", path.display());
        let source = source(&url, "x.OAuthBearerLoginModule required;").expect("a right configuration");
        assert_eq!(source.token().await.expect("a token").value.reveal(), "tok");
        std::fs::remove_file(path).expect("the file is ours");
    }
}
