#!/usr/bin/env bash
# Makes the stores that the tests of TLS settings read, in every form that users have them in. Needs keytool and openssl.
# Run it in this folder to make them anew; the keys in them protect nothing.
set -eu
rm -f ./*.jks ./*.p12 ./*.pem
tool() { keytool -storepass store-secret -noprompt "$@" 2> /dev/null; }
key() { tool -genkeypair -keyalg EC -groupname secp256r1 -validity 36500 "$@"; }

# An authority, and a client whose certificate it signed.
key -alias authority -dname CN=authority -ext bc:c -keystore work.p12
key -alias client -dname CN=client -keystore keystore.p12
tool -exportcert -rfc -alias authority -keystore work.p12 > authority.pem
tool -certreq -alias client -keystore keystore.p12 \
    | tool -gencert -rfc -alias authority -validity 36500 -keystore work.p12 > client.pem
cat client.pem authority.pem > chain.pem
tool -importcert -alias authority -file authority.pem -keystore keystore.p12
tool -importcert -alias client -file chain.pem -keystore keystore.p12
tool -delete -alias authority -keystore keystore.p12

# The same as keytool writes it: JKS (whose key has a password of its own), and PKCS12 with the ciphers of before 2021.
tool -importkeystore -srckeystore keystore.p12 -srcstorepass store-secret -srcalias client -deststoretype JKS \
    -destkeystore keystore.jks -deststorepass store-secret -destkeypass key-secret
tool -J-Dkeystore.pkcs12.legacy -importkeystore -srckeystore keystore.p12 -srcstorepass store-secret \
    -deststoretype PKCS12 -destkeystore keystore-rc2.p12 -deststorepass store-secret
tool -importcert -alias authority -file authority.pem -storetype JKS -keystore truststore.jks
tool -importcert -alias authority -file authority.pem -storetype PKCS12 -keystore truststore.p12

openssl pkcs12 -in keystore.p12 -passin pass:store-secret -nocerts -nodes 2> /dev/null \
    | openssl pkcs8 -topk8 -passout pass:key-secret > key-encrypted.pem
cat key-encrypted.pem chain.pem > keystore.pem
rm work.p12 client.pem
