# Two more listeners for the broker that kafka.sh is about to start in $dir. Sourced by it, not run.
#   $dir/sasl-port    SASL_SSL, for user alice by PLAIN and SCRAM (alice-secret), and whoever a token names
#   $dir/ssl-port     SSL, for clients with a certificate of the authority in $dir/tls
#   $dir/tls          truststore.jks, client.p12, client.pem (its key is encrypted); all passwords are "store-secret"
# A login by SCRAM-SHA-512 is good for two seconds.
# The broker's certificate is for "localhost" and not for 127.0.0.1.
for name in sasl ssl; do
    [ -s "$dir/$name-port" ] || free_port > "$dir/$name-port"
done
tls=$dir/tls
if [ ! -d "$tls" ]; then
    need openssl openssl
    mkdir "$tls"
    store() { keytool -storepass store-secret -noprompt "$@" 2>> "$dir/log" || { cat "$dir/log" >&2; die "keytool failed"; }; }
    store -genkeypair -keyalg RSA -keysize 2048 -validity 3650 -alias authority -dname CN=authority -ext bc:c -keystore "$tls/authority.p12"
    store -exportcert -rfc -alias authority -keystore "$tls/authority.p12" > "$tls/authority.pem"
    for who in broker client; do
        store -genkeypair -keyalg RSA -keysize 2048 -validity 3650 -alias $who -dname CN=$who -keystore "$tls/$who.p12"
        store -certreq -alias $who -keystore "$tls/$who.p12" \
            | store -gencert -rfc -alias authority -validity 3650 -ext san=dns:localhost -keystore "$tls/authority.p12" > "$tls/$who.crt"
        cat "$tls/authority.pem" >> "$tls/$who.crt"
        store -importcert -alias authority -file "$tls/authority.pem" -keystore "$tls/$who.p12"
        store -importcert -alias $who -file "$tls/$who.crt" -keystore "$tls/$who.p12"
    done
    store -importcert -alias authority -file "$tls/authority.pem" -storetype JKS -keystore "$tls/truststore.jks"
    openssl pkcs12 -in "$tls/client.p12" -passin pass:store-secret -nocerts -nodes 2>> "$dir/log" \
        | openssl pkcs8 -topk8 -passout pass:store-secret > "$tls/client.pem"
    cat "$tls/client.crt" >> "$tls/client.pem"
fi
sasl_port=$(cat "$dir/sasl-port") ssl_port=$(cat "$dir/ssl-port")
kafka_login=org.apache.kafka.common.security
cat >> "$dir/broker.properties" << X
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller,SASL_SSL://127.0.0.1:$sasl_port,SSL://127.0.0.1:$ssl_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port,SASL_SSL://localhost:$sasl_port,SSL://localhost:$ssl_port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
ssl.keystore.location=$tls/broker.p12
ssl.keystore.password=store-secret
ssl.truststore.location=$tls/truststore.jks
ssl.truststore.password=store-secret
listener.name.ssl.ssl.client.auth=required
listener.name.sasl_ssl.scram-sha-512.connections.max.reauth.ms=2000
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl_ssl.plain.sasl.jaas.config=$kafka_login.plain.PlainLoginModule required user_alice="alice-secret";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$kafka_login.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$kafka_login.scram.ScramLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=$kafka_login.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
X
for hash in 256 512; do
    scram+=(--add-scram "SCRAM-SHA-$hash=[name=alice,password=alice-secret]")
done
