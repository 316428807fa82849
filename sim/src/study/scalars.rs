//! How single values are read: quantities with their units, counts, texts, dates.

use super::part::{Scalar, quoted};
use super::source::Value;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::{
    Bandwidth, Bytes, Rate, Share, exact, parse_count, parse_decimal, print::Quantity,
};
use kvrig_base::time::{Span, Wall};
use kvrig_dynamo::price::Money;
use schemars::{Schema, json_schema};

/// A count such as `1_000_000`, `"2^20"` or `"200k"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Count(pub(super) u64);

/// A plain number in millionths: exponents and other ratios without a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millionths(pub u64);

impl Millionths {
    /// The number, for samplers.
    #[expect(
        clippy::cast_precision_loss,
        reason = "ratios are far below 2^53 millionths"
    )]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// An amount of US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dollars(pub(super) Money);

/// A day of the civil calendar: year, month and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) (u16, u8, u8));

/// A value that the user may write as text, number or truth value, taken as text: configuration in
/// a store's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word(pub(super) String);

/// When an event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At this time of the run.
    At(Span),
    /// So long after the table began to double.
    AfterDoubling(Span),
}

/// Text and bare numbers alike are given to the quantity's own reader: it says that the unit is
/// missing.
fn written(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Number(text) => Some(text),
        _ => None,
    }
}

fn quantity_schema(example: &str) -> Schema {
    json_schema!({ "type": "string", "examples": [example] })
}

fn print_exactly(quantity: &impl Quantity) -> String {
    quoted(&exact(quantity))
}

macro_rules! quantities {
    ($($type:ty, $expected:literal, $example:literal;)*) => {
        $(impl Scalar for $type {
            const EXPECTED: &'static str = $expected;
            fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
                Some(written(value)?.parse().map_err(Diagnostic::from))
            }
            fn print(&self) -> String {
                print_exactly(self)
            }
            fn schema() -> Schema {
                quantity_schema($example)
            }
        })*
    };
}

quantities! {
    Span, "a time such as `250ms`", "250ms";
    Bytes, "a size such as `4GiB`", "4GiB";
    Bandwidth, "a bandwidth such as `10Gbit/s`", "10Gbit/s";
    Rate, "a rate such as `20k/s`", "20k/s";
    Share, "a share such as `5%`", "5%";
}

impl Scalar for Count {
    const EXPECTED: &'static str = "a count such as `1_000_000` or `2^20`";
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
        Some(
            parse_count(written(value)?)
                .map(Self)
                .map_err(Diagnostic::from),
        )
    }
    fn print(&self) -> String {
        match self.0 {
            n if n.is_power_of_two() && n >= 1 << 10 => {
                quoted(&format!("2^{}", n.trailing_zeros()))
            }
            // TOML integers end at 2^63 - 1.
            n if i64::try_from(n).is_err() => quoted(&n.to_string()),
            n => n.to_string(),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0, "examples": ["2^20", "200k"] })
    }
}

impl Scalar for Millionths {
    const EXPECTED: &'static str = "a number such as `0.99`";
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
        let number = parse_decimal(written(value)?, 6);
        Some(number.map(Self).map_err(Diagnostic::from))
    }
    fn print(&self) -> String {
        let (whole, fraction) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let digits = format!("{fraction:06}");
        let digits = digits.trim_end_matches('0');
        format!("{whole}.{}", if digits.is_empty() { "0" } else { digits })
    }
    fn schema() -> Schema {
        json_schema!({ "type": "number", "minimum": 0 })
    }
}

/// Decimals of the smallest amount.
const DOLLAR_DECIMALS: u32 = 12;

impl Scalar for Dollars {
    const EXPECTED: &'static str = "an amount such as `\"$0.625\"`";
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
        let text = written(value)?;
        let Some(number) = text.strip_prefix('$') else {
            let message = format!("`{text}` does not say of which currency");
            let unit = Diagnostic::new(diagnostic::WRONG_TYPE, message);
            return Some(Err(unit.help("write US dollars: `\"$0.625\"`")));
        };
        let amount = parse_decimal(number, DOLLAR_DECIMALS);
        let amount = amount.map(|picos| Self(Money::pico_dollars(picos)));
        Some(amount.map_err(Diagnostic::from))
    }
    fn print(&self) -> String {
        let picos = self.0.as_pico_dollars();
        let one = 10_u128.pow(DOLLAR_DECIMALS);
        let digits = format!("{:012}", picos % one);
        let digits = digits.trim_end_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        quoted(&format!("${}.{digits}", picos / one))
    }
    fn schema() -> Schema {
        quantity_schema("$0.625")
    }
}

impl Scalar for Day {
    const EXPECTED: &'static str = "a day such as 2026-03-01, without quotes";
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
        let Value::Datetime(written) = value else {
            return None;
        };
        let day = match (written.date, written.time, written.offset) {
            (Some(date), None, None) => Some(Self((date.year, date.month, date.day))),
            _ => None,
        };
        Some(day.ok_or_else(|| {
            let message = format!("`{written}` is more than a day, or less");
            Diagnostic::new(diagnostic::WRONG_TYPE, message)
                .help("write year, month and day: 2026-03-01")
        }))
    }
    fn print(&self) -> String {
        let (year, month, day) = self.0;
        format!("{year:04}-{month:02}-{day:02}")
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string", "format": "date" })
    }
}

impl Scalar for String {
    const EXPECTED: &'static str = "a text in quotes";
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
        match value {
            Value::Text(text) => Some(Ok(text.clone())),
            _ => None,
        }
    }
    fn print(&self) -> String {
        quoted(self)
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl Scalar for bool {
    const EXPECTED: &'static str = "`true` or `false`";
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
        match value {
            Value::Bool(value) => Some(Ok(*value)),
            _ => None,
        }
    }
    fn print(&self) -> String {
        self.to_string()
    }
    fn schema() -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

impl Scalar for Word {
    const EXPECTED: &'static str = "a value in the store's own terms";
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
        match value {
            Value::Text(text) | Value::Number(text) => Some(Ok(Self(text.clone()))),
            // redis.conf says yes and no.
            Value::Bool(value) => Some(Ok(Self(if *value { "yes" } else { "no" }.to_owned()))),
            _ => None,
        }
    }
    fn print(&self) -> String {
        match self.0.parse::<i64>() {
            Ok(number) if number.to_string() == self.0 => self.0.clone(),
            _ => quoted(&self.0),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}

/// The moment from which events may be counted besides the start of the run.
const DOUBLING: &str = "doubling";

impl Scalar for Moment {
    const EXPECTED: &'static str = "a time of the run such as `5s`, or `doubling+1s`";
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
        let text = written(value)?;
        let moment = match text.strip_prefix(DOUBLING) {
            Some("") => Ok(Self::AfterDoubling(Span::ZERO)),
            Some(after) => match after.trim_start().strip_prefix('+') {
                Some(span) => span.trim_start().parse().map(Self::AfterDoubling),
                None => {
                    return Some(Err(Diagnostic::new(
                        diagnostic::WRONG_TYPE,
                        format!("`{text}` is not a moment"),
                    )
                    .help(
                        "write `doubling+1s`: events may follow a doubling, not precede it",
                    )));
                }
            },
            None => text.parse().map(Self::At),
        };
        Some(moment.map_err(Diagnostic::from))
    }
    fn print(&self) -> String {
        quoted(&match self {
            Self::At(span) => exact(span),
            Self::AfterDoubling(span) => format!("{DOUBLING}+{}", exact(span)),
        })
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string", "examples": ["5s", "doubling+1s"] })
    }
}

/// Civil time: a TOML date and time with an offset, from 1970 on.
impl Scalar for Wall {
    const EXPECTED: &'static str = "a date and time such as 2026-01-01T00:00:00Z";
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>> {
        let Value::Datetime(written) = value else {
            return None;
        };
        Some(wall(written).ok_or_else(|| {
            Diagnostic::new(
                diagnostic::OUT_OF_RANGE,
                format!("`{written}` is not a point of civil time from 1970 to 2500"),
            )
            .help("write date, time and offset: 2026-01-01T00:00:00Z")
        }))
    }
    fn print(&self) -> String {
        let seconds = self.unix_secs();
        let (year, month, day) = civil_from_days(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        let nanos = self.unix_nanos() % 1_000_000_000;
        let fraction = match nanos {
            0 => String::new(),
            _ => format!(".{nanos:09}"),
        };
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

fn wall(written: &toml::value::Datetime) -> Option<Wall> {
    let (date, time, offset) = (written.date?, written.time?, written.offset?);
    let minutes_east = match offset {
        toml::value::Offset::Z => 0,
        toml::value::Offset::Custom { minutes } => i64::from(minutes),
    };
    if !(1970..=2500).contains(&date.year) {
        return None;
    }
    let days = days_from_civil(
        i64::from(date.year),
        i64::from(date.month),
        i64::from(date.day),
    );
    let of_day = i64::from(time.hour) * 3_600
        + i64::from(time.minute) * 60
        + i64::from(time.second.unwrap_or(0));
    let seconds = u64::try_from(days * 86_400 + of_day - minutes_east * 60).ok()?;
    let nanos = u64::from(time.nanosecond.unwrap_or(0));
    Some(Wall::from_unix_nanos(seconds * 1_000_000_000 + nanos))
}

/// Days since 1970-01-01 of a Gregorian date, counted in years that begin with March so that the
/// leap day is the last (Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The reverse of [`days_from_civil`], from 1970 on.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + days / 146_097 * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Option<Wall> {
        wall(&text.parse().unwrap())
    }

    #[test]
    fn civil_time_is_counted_from_1970_and_printed_back() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-01-01T00:00:00Z", 1_767_225_600),
            ("2100-03-01T00:00:01Z", 4_107_542_401),
        ] {
            let wall = instant(text).unwrap();
            assert_eq!(wall.unix_secs(), seconds, "{text}");
            assert_eq!(wall.print(), text);
        }
        assert_eq!(
            instant("2026-01-01T02:00:00+02:00"),
            instant("2026-01-01T00:00:00Z"),
            "an offset names the same instant"
        );
        assert_eq!(instant("2026-01-01"), None);
        assert_eq!(instant("1969-12-31T00:00:00Z"), None);
    }
}
