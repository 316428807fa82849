//! Numbers: what is accepted, how it is written back, ordered, added and counted.

use kvrig_dynamo::Number;
use kvrig_dynamo::number::{DIGITS_MAX, NumberError};
use proptest::prelude::*;

fn number(text: &str) -> Number {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn numbers_come_back_in_one_form() {
    for (written, read) in [
        ("3", "3"),
        ("-7.1234", "-7.1234"),
        ("-17e5", "-1700000"),
        ("-17.4E3", "-17400"),
        ("+3", "3"),
        (".123", "0.123"),
        ("0001.2300", "1.23"),
        ("1e+5", "100000"),
        ("0e1000", "0"),
        ("-0.0", "0"),
        ("5.", "5"),
        ("1e-3", "0.001"),
        ("12345e-5", "0.12345"),
        ("12345e-4", "1.2345"),
        (
            "3.1415926535897932384626433832795028841",
            "3.1415926535897932384626433832795028841",
        ),
        (
            "00000000000000000000000000000000000000000000000000.5",
            "0.5",
        ),
    ] {
        assert_eq!(number(written).to_string(), read, "{written}");
    }
    assert_eq!(number("1e125").to_string(), format!("1{}", "0".repeat(125)));
    assert_eq!(
        number("1e-130").to_string(),
        format!("0.{}1", "0".repeat(129))
    );
}

#[test]
fn what_does_not_fit_is_refused_with_the_services_words() {
    let message = |text: &str| text.parse::<Number>().map_err(|error| error.to_string());
    let overflow =
        "Number overflow. Attempting to store a number with magnitude larger than supported range";
    let underflow = "Number underflow. Attempting to store a number with magnitude smaller than supported range";
    let digits = "Attempting to store more than 38 significant digits in a Number";
    for (text, expected) in [
        ("1e126", overflow),
        ("11e125", overflow),
        ("-1e126", overflow),
        ("1e99999999999999999999999999", overflow),
        ("1e-131", underflow),
        ("0.9e-130", underflow),
        ("1e-99999999999999999999999999", underflow),
        ("3.14159265358979323846264338327950288419", digits),
        ("314159265358979323846264338327950288419e30", digits),
        ("", "The parameter cannot be converted to a numeric value"),
    ] {
        assert_eq!(message(text), Err(expected.to_owned()), "{text}");
    }
    for text in [
        "NaN",
        "Infinity",
        "-Infinity",
        "dog",
        "-dog",
        " 1",
        "1 ",
        "1_0",
        "1e",
        "e1",
        ".",
        "-",
        "1.2.3",
        "1e1.5",
        "0x10",
        "١",
    ] {
        let expected = format!("The parameter cannot be converted to a numeric value: {text}");
        assert_eq!(message(text), Err(expected));
    }
}

#[test]
fn the_ends_of_the_range_are_inside() {
    let largest = format!("{}E88", "9".repeat(38));
    assert_eq!(number(&largest).digits(), DIGITS_MAX);
    assert_eq!(
        number(&largest).checked_add(number("1e88")),
        Err(NumberError::Overflow)
    );
    assert_eq!(
        number("1.1e-130").checked_sub(number("1e-130")),
        Err(NumberError::Underflow)
    );
    assert!(number("-9.9e125") < number("-1e-130"));
}

#[test]
fn sums_are_exact_or_refused() {
    for (left, right, sum) in [
        ("1", "10000000000000000000000", "10000000000000000000001"),
        ("-1", "1", "0"),
        ("0.1", "0.2", "0.3"),
        ("0", "-5", "-5"),
        ("99999999999999999999999999999999999999", "1", "1e38"),
        ("1e38", "-1", "99999999999999999999999999999999999999"),
        ("9e-130", "1e-130", "1e-129"),
    ] {
        assert_eq!(number(left).checked_add(number(right)), Ok(number(sum)));
        assert_eq!(number(right).checked_add(number(left)), Ok(number(sum)));
    }
    for (left, right) in [
        ("1e50", "1"),
        ("1e50", "-1"),
        ("9e125", "9e125"),
        ("4e38", "-1"),
    ] {
        let sum = number(left).checked_add(number(right));
        assert_eq!(sum, Err(NumberError::Overflow), "{left} and {right}");
    }
}

#[test]
fn sizes_count_pairs_of_digits_on_both_sides_of_the_point() {
    for (text, bytes) in [
        ("0", 1),
        ("1", 2),
        ("27", 2),
        ("-27", 3),
        ("100", 2),
        ("123", 3),
        ("1230", 3),
        ("120", 2),
        ("0.012", 2),
        ("12.3", 3),
        ("123.4", 4),
        ("1.5", 3),
        ("0.05", 2),
        ("0.005", 2),
        ("-1E-130", 3),
        ("1E125", 2),
        ("99999999999999999999999999999999999999", 20),
        ("-99999999999999999999999999999999999999", 21),
        ("-9.9999999999999999999999999999999999999", 22),
    ] {
        assert_eq!(number(text).size_bytes(), bytes, "{text}");
    }
}

/// Any number: a sign, up to 38 digits, and a power of ten that keeps them in range.
fn any_number() -> impl Strategy<Value = Number> {
    (any::<bool>(), 0..10_u128.pow(38), -92_i32..=88).prop_map(|(minus, coefficient, power)| {
        let sign = if minus { "-" } else { "" };
        number(&format!("{sign}{coefficient}E{power}"))
    })
}

proptest! {
    #[test]
    fn printing_and_reading_give_the_same_number(number in any_number()) {
        prop_assert_eq!(number.to_string().parse(), Ok(number));
    }

    #[test]
    fn sums_of_whole_numbers_are_those_of_integers(a in any::<i64>(), b in any::<i64>()) {
        let sum = i128::from(a) + i128::from(b);
        prop_assert_eq!(
            Number::from(a).checked_add(Number::from(b)),
            Ok(number(&sum.to_string()))
        );
        prop_assert_eq!(Number::from(a).cmp(&Number::from(b)), a.cmp(&b));
    }

    #[test]
    fn fractions_are_ordered_as_their_multiples(a in any::<i64>(), b in any::<i64>(), scale in 0..20) {
        let [left, right] = [a, b].map(|n| number(&format!("{n}e-{scale}")));
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
    }

    #[test]
    fn a_sum_less_one_part_is_the_other(a in any_number(), b in any_number()) {
        if let Ok(sum) = a.checked_add(b) {
            prop_assert_eq!(sum.checked_sub(b), Ok(a));
        }
    }

    #[test]
    fn sizes_stay_within_the_rule_and_one_pair(number in any_number()) {
        let pairs = u64::from(number.digits().div_ceil(2));
        let least = 1 + pairs + u64::from(number.is_negative());
        prop_assert!((least..=least + 1).contains(&number.size_bytes()));
    }

    #[test]
    fn no_text_is_too_strange(text in "[-+0-9.eE]{0,60}|\\PC{0,20}") {
        let _ = text.parse::<Number>();
    }
}
