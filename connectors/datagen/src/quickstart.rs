//! Schemas that come with the connector, by the names that tutorials use.
//!
//! Names, types and key fields are those that users rely on; what the values say is our own.

use connect_api::{Setting, config::Problem, config_key::ConfigType};

/// A schema that comes with the connector.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key_field: &'static str,
    pub(crate) schema: &'static str,
}

macro_rules! quickstarts {
    ($($name:literal => $key:literal),+ $(,)?) => {
        const NAMES: &[&str] = &[$($name),+];
        static ENTRIES: &[Entry] = &[
            $(Entry { key_field: $key, schema: include_str!(concat!("../quickstart/", $name, ".avsc")) }),+
        ];
    };
}

quickstarts! {
    "ratings" => "rating_id",
    "users" => "userid",
    "users_" => "userid",
    "pageviews" => "viewtime",
    "orders" => "orderid",
    "stock_trades" => "symbol",
    "clickstream" => "ip",
    "clickstream_users" => "user_id",
    "clickstream_codes" => "code",
    "inventory" => "id",
    "product" => "id",
    "purchases" => "id",
    "transactions" => "transaction_id",
    "stores" => "store_id",
    "credit_cards" => "card_id",
    "campaign_finance" => "candidate_id",
    "fleet_mgmt_description" => "vehicle_id",
    "fleet_mgmt_location" => "vehicle_id",
    "fleet_mgmt_sensors" => "vehicle_id",
    "pizza_orders" => "store_id",
    "pizza_orders_completed" => "store_id",
    "pizza_orders_cancelled" => "store_id",
    "insurance_offers" => "offer_id",
    "insurance_customers" => "customer_id",
    "insurance_customer_activity" => "activity_id",
    "gaming_games" => "id",
    "gaming_players" => "player_id",
    "gaming_player_activity" => "player_id",
    "payroll_employee" => "employee_id",
    "payroll_employee_location" => "employee_id",
    "payroll_bonus" => "employee_id",
    "syslog_logs" => "host",
    "device_information" => "device_ip",
    "siem_logs" => "hostname",
    "shoes" => "id",
    "shoe_customers" => "id",
    "shoe_orders" => "order_id",
    "shoe_clickstream" => "product_id",
}

/// The setting `quickstart`; empty is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quickstart(pub(crate) Option<&'static Entry>);

impl Setting for Quickstart {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(None));
        }
        // The original's enum constant is a name too.
        let name = if text.eq_ignore_ascii_case("users_array_map") { "users_" } else { text };
        match NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) {
            Some(at) => Ok(Self(Some(&ENTRIES[at]))),
            None => Err(Problem::Because(format!("Value must be one of {}", NAMES.join(", ")))),
        }
    }
    fn choices() -> &'static [&'static str] {
        NAMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{avro, random::Random};

    #[test]
    fn every_quickstart_makes_records_with_a_key() {
        for (name, entry) in NAMES.iter().zip(ENTRIES) {
            let mut plan = avro::plan(entry.schema).unwrap_or_else(|error| panic!("{name}: {error}"));
            let key = plan.schema().fields().and_then(|fields| fields.position(entry.key_field));
            let key = key.unwrap_or_else(|| panic!("{name} has no {}", entry.key_field));
            let mut random = Random::new(1);
            for _ in 0..50 {
                let value = plan.make(&mut random);
                let row = value.as_struct().expect("a quickstart makes records");
                assert!(!row.values()[key].is_null(), "{name}");
            }
        }
    }

    #[test]
    fn names_are_matched_without_regard_to_case() {
        let check = |text: &str, key: &str| assert_eq!(Quickstart::parse(text).unwrap().0.unwrap().key_field, key);
        check("RATINGS", "rating_id");
        check(" users_ ", "userid");
        check("USERS_ARRAY_MAP", "userid");
        assert_eq!(Quickstart::parse("").unwrap(), Quickstart(None));
        assert!(Quickstart::parse("rating").is_err());
    }
}
