//! Against what `java.text.SimpleDateFormat` of a JDK 17 printed and read, in English and UTC.

use proptest::prelude::*;

use super::*;

fn format(pattern: &str, millis: i64) -> String {
    DateFormat::new(pattern).unwrap().format(millis)
}

fn parse(pattern: &str, text: &str) -> Option<i64> {
    DateFormat::new(pattern).unwrap().parse(text)
}

/// 2020-09-13T12:26:40.123Z, a Sunday.
const MILLIS: i64 = 1_600_000_000_123;

#[test]
fn writes() {
    for (pattern, text) in [
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2020-09-13T12:26:40.123Z"),
        ("yyyyMMdd", "20200913"),
        ("yy.M.d H:m:s.S", "20.9.13 12:26:40.123"),
        ("EEE, d MMM yyyy HH:mm:ss Z", "Sun, 13 Sep 2020 12:26:40 +0000"),
        ("EEEE MMMM y G", "Sunday September 2020 AD"),
        ("hh:mm a z", "12:26 PM UTC"),
        ("K k h H D F u w W YYYY", "0 12 12 12 257 2 7 38 3 2020"),
        ("SSSSSS", "000123"),
        ("'it''s' ''yy''", "it's '20'"),
        ("yyyyMM", "202009"),
    ] {
        assert_eq!(format(pattern, MILLIS), text, "{pattern}");
    }
    // The last days of a year are in the first week of the next.
    assert_eq!(format("YYYY-MM-dd w", 1_609_286_400_000), "2021-12-30 1");
    assert_eq!(format("yyyy-MM-dd HH:mm:ss.SSS", -1), "1969-12-31 23:59:59.999");
}

#[test]
fn reads() {
    for (pattern, text, millis) in [
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2020-09-13T14:26:40.123+02:00", MILLIS),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2020-09-13T12:26:40.123Z", MILLIS),
        ("yyyy-MM-dd HH:mm:ss.SSSZ", "2020-09-13 07:26:40.123-0500", MILLIS),
        ("yyyyMMddHHmmssSSS", "20200913122640123", MILLIS),
        ("yyyy-MM-dd", "2020-01-02", 1_577_923_200_000),
        // What follows is ignored, and out of range is lenient.
        ("yyyy-MM-dd", "2020-01-02T10:00", 1_577_923_200_000),
        ("yyyy-MM-dd", "2020-01-33", 1_580_601_600_000),
        ("yyyy-MM-dd", "2020-1-2", 1_577_923_200_000),
        ("yyyy-MM-dd HH:mm:ss", "2020-01-02 03:04:05", 1_577_934_245_000),
        ("d MMM yyyy", "2 jan 2020", 1_577_923_200_000),
        ("EEE, d MMMM yyyy", "Thu, 2 January 2020", 1_577_923_200_000),
        ("yy-MM-dd", "20-01-02", 1_577_923_200_000),
        ("yyyy-MM-dd hh:mm a", "2020-01-02 12:30 AM", 1_577_925_000_000),
        ("yyyy-MM-dd hh:mm a", "2020-01-02 01:30 pm", 1_577_971_800_000),
        ("yyyy-D", "2020-2", 1_577_923_200_000),
        ("yyyy-MM-dd HH:mm z", "2020-01-02 01:00 CET", 1_577_923_200_000),
        ("yyyy-MM-dd HH:mm z", "2020-01-02 01:00 GMT+1:00", 1_577_923_200_000),
        // Six digits of SSS are as many milliseconds.
        ("ss.SSS", "00.123456", 123_456),
        ("HH:mm", "01:30", 5_400_000),
        ("yyyy", "1969", -31_536_000_000),
    ] {
        assert_eq!(parse(pattern, text), Some(millis), "{pattern}: {text}");
    }
}

#[test]
fn what_is_written_otherwise_is_refused() {
    for (pattern, text) in [
        ("yyyy-MM-dd", "nope"),
        ("yyyy-MM-dd", "2020/01/02"),
        ("yyyy-MM-dd", "2020-01-"),
        ("yyyy-MM-dd", ""),
        ("MMM", "Foo"),
        ("HH:mm a", "10:00 XX"),
        ("X", "+1"),
        ("z", "Nowhere"),
        // Java takes this, and makes a year of it that nobody has meant.
        ("yyyy", "1600000000000"),
        ("HH:mm XX", "10:00 +01:00"),
    ] {
        assert_eq!(parse(pattern, text), None, "{pattern}: {text}");
    }
}

#[test]
fn patterns_that_java_refuses() {
    for (pattern, says) in
        [("yyyy-bb", "`b` means nothing"), ("'T", "not closed"), ("yyyyT", "`T` means nothing")]
    {
        let error = DateFormat::new(pattern).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    assert!(DateFormat::new(&"y".repeat(100_000)).is_err());
    assert_eq!(DateFormat::new("YYYY-MM").unwrap().written_only(), Some('Y'));
}

#[test]
fn texts_of_times_as_connect_writes_them() {
    assert_eq!(iso(MILLIS), "2020-09-13T12:26:40.123Z");
    assert_eq!(iso(1_599_955_200_000), "2020-09-13");
    assert_eq!(iso(3_661_001), "01:01:01.001Z");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(millis in -30_000_000_000_000_i64..200_000_000_000_000) {
        for pattern in ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "yyyyMMddHHmmssSSS", "EEEE d MMMM yyyy hh:mm:ss,SSS a z"] {
            prop_assert_eq!(parse(pattern, &format(pattern, millis)), Some(millis), "{}", pattern);
        }
    }

    #[test]
    fn any_text_and_any_pattern(pattern in "[GyMdHhaEzZX' :.-]{0,12}", text in "\\PC{0,20}", millis: i64) {
        if let Ok(format) = DateFormat::new(&pattern) {
            let _ = format.parse(&text);
            let _ = format.format(millis);
        }
    }
}
