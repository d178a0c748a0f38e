//! JSON to and from the database's own values, for ledgers and pipelines.

use mongodb::bson::{Bson, DateTime, Document};
use serde_json::{Map, Number, Value};

/// A value; `{"$date": "…"}` is a date, whole numbers keep all their digits.
pub(super) fn bson(value: &Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(flag) => Bson::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Bson::Int64(number),
            // A count that no 64-bit integer of a database holds.
            None => match number.as_u64().map(|count| count.to_string().parse()) {
                Some(Ok(decimal)) => Bson::Decimal128(decimal),
                _ => Bson::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
        },
        Value::String(text) => Bson::String(text.clone()),
        Value::Array(values) => Bson::Array(values.iter().map(bson).collect()),
        Value::Object(map) => match map.get("$date").and_then(Value::as_str) {
            Some(text) if map.len() == 1 => DateTime::parse_rfc3339_str(text)
                .map_or_else(|_| Bson::String(text.to_owned()), Bson::DateTime),
            _ => Bson::Document(document(map)),
        },
    }
}

/// An object.
pub(super) fn document(map: &Map<String, Value>) -> Document {
    map.iter()
        .map(|(key, value)| (key.clone(), bson(value)))
        .collect()
}

/// A value of the database; decimals and doubles that are whole numbers become whole numbers,
/// dates milliseconds.
pub(super) fn json(value: &Bson) -> Value {
    match value {
        Bson::Boolean(flag) => Value::Bool(*flag),
        Bson::Int32(number) => Value::from(*number),
        Bson::Int64(number) => Value::from(*number),
        Bson::Double(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        Bson::Decimal128(number) => decimal(&number.to_string()),
        Bson::String(text) => Value::String(text.clone()),
        Bson::DateTime(at) => Value::from(at.timestamp_millis()),
        Bson::Array(values) => Value::Array(values.iter().map(json).collect()),
        Bson::Document(document) => Value::Object(object(document)),
        _ => Value::Null,
    }
}

/// A document.
pub(super) fn object(document: &Document) -> Map<String, Value> {
    document
        .iter()
        .map(|(key, value)| (key.clone(), json(value)))
        .collect()
}

/// A whole decimal number, also as `1.5E+3`; one that is larger than any count is the largest.
fn decimal(text: &str) -> Value {
    let (digits, exponent) = text.split_once('E').unwrap_or((text, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let zeros = exponent - i64::try_from(part.len()).unwrap_or(0);
    let Ok(zeros) = usize::try_from(zeros) else {
        return Value::Null;
    };
    let all = format!("{whole}{part}{}", "0".repeat(zeros.min(40)));
    if all.bytes().all(|byte| byte.is_ascii_digit()) {
        // Counts add up without overflow.
        return Value::from(all.parse::<u64>().unwrap_or(u64::MAX));
    }
    Value::Null
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let value =
            json!({"a": [1, true, null, "x", {"b": 9_007_199_254_740_993_i64}], "$c.d": "$e"});
        assert_eq!(super::json(&bson(&value)), value);
        let date = bson(&json!({"$date": "2024-05-01T00:00:00Z"}));
        assert_eq!(super::json(&date), json!(1_714_521_600_000_i64));
    }

    #[test]
    fn decimals_are_counts() {
        for (text, count) in [
            ("18446744073709551615", json!(u64::MAX)),
            ("36893488147419103230", json!(u64::MAX)),
            ("1.5E+3", json!(1500)),
            ("0", json!(0)),
            ("0.5", Value::Null),
            ("NaN", Value::Null),
        ] {
            assert_eq!(decimal(text), count, "{text}");
        }
    }
}
