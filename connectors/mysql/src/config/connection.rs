//! Settings of the connection. MySQL and MariaDB differ in the group that they show and in the encryption modes.

use connect_api::Password;

use super::values::{ClassName, Hostname, MariaDbSslMode, Millis, MySqlSslMode, ServerId, TopicPrefix};

macro_rules! connection_settings {
    ($name:ident, $group:literal, $mode:ty, $default_mode:literal, { $($driver:tt)* }) => {
        connect_api::config! {
            /// Where the server is and how to log in.
            #[style = Debezium]
            pub struct $name {
            /// Names this server in topics, schemas and offsets. It must be unique and must not change.
            #[config(key = "topic.prefix", group = $group, importance = High, aliases = ["database.server.name"], display = "Topic prefix", width = Medium)]
            pub prefix: TopicPrefix,
            /// Host of the server.
            #[config(key = "database.hostname", group = $group, importance = High, display = "Hostname", width = Medium)]
            pub hostname: Hostname,
            /// TCP port of the server.
            #[config(key = "database.port", group = $group, importance = High, default = "3306", display = "Port", width = Short)]
            pub port: u16,
            /// User to log in as.
            #[config(key = "database.user", group = $group, importance = High, display = "User", width = Short)]
            pub user: String,
            /// Password of the user.
            #[config(key = "database.password", group = $group, importance = High, display = "Password", width = Short)]
            pub password: Option<Password>,
            /// How long a query that is no table scan may take.
            #[config(key = "database.query.timeout.ms", group = $group, importance = Low, default = "600000", display = "Query timeout")]
            pub query_timeout: Millis,
            /// Statements, parted by semicolons, that run on each connection but the one that reads the log; two
            /// semicolons are one in the statement.
            #[config(key = "database.initial.statements", group = $group, importance = Low, display = "Initial statements", width = Long)]
            pub initial_statements: Option<String>,
            /// A number that no other server or connector of the replication has.
            #[config(key = "database.server.id", group = $group, importance = High, old_default = ("database.server.name", "5400..6400"), display = "Cluster ID", width = Long)]
            pub server_id: ServerId,
            /// Accepted without effect.
            #[config(key = "database.server.id.offset", group = $group, importance = High, default = "10000", display = "Cluster ID offset", width = Long)]
            pub server_id_offset: i64,
            /// PEM file with the client's certificate and key.
            #[config(key = "database.ssl.keystore", group = $group, importance = Medium, display = "SSL Keystore", width = Long)]
            pub ssl_keystore: Option<String>,
            /// Password of the key store.
            #[config(key = "database.ssl.keystore.password", group = $group, importance = Medium, display = "SSL Keystore Password", width = Medium)]
            pub ssl_keystore_password: Option<Password>,
            /// PEM file with the certificates to trust.
            #[config(key = "database.ssl.truststore", group = $group, importance = Medium, display = "SSL Truststore", width = Long)]
            pub ssl_truststore: Option<String>,
            /// Password of the trust store.
            #[config(key = "database.ssl.truststore.password", group = $group, importance = Medium, display = "SSL Truststore Password", width = Medium)]
            pub ssl_truststore_password: Option<Password>,
            $($driver)*
                /// Whether the connection is encrypted, and what of the server's certificate is checked.
                #[config(key = "database.ssl.mode", group = $group, importance = Medium, default = $default_mode, display = "SSL mode", width = Medium)]
                pub ssl_mode: $mode,
            }
        }
    };
}

connection_settings!(MySqlConnection, "MySQL", MySqlSslMode, "preferred", {
    /// Accepted without effect: there is no JDBC driver.
    #[config(key = "database.jdbc.driver", group = "MySQL", importance = Low, default = "com.mysql.cj.jdbc.Driver", display = "JDBC Driver Class Name", width = Medium)]
    pub jdbc_driver: ClassName,
    /// Accepted without effect, see database.jdbc.driver.
    #[config(key = "database.protocol", group = "MySQL", importance = Low, default = "jdbc:mysql", display = "JDBC Protocol", width = Medium)]
    pub jdbc_protocol: String,
});
connection_settings!(MariaDbConnection, "MariaDB", MariaDbSslMode, "disable", {});
