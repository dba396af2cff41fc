use proptest::prelude::*;

use super::*;

fn micros(format: &str, text: &str) -> Option<i64> {
    format.parse::<TimestampFormat>().unwrap().parse(text)?.micros()
}

/// All answers of QuestDB 9.3.4's to_timestamp(), in microseconds.
const ANSWERS: &[(&str, &str, Option<i64>)] = &[
    ("yyyy-MM-dd", "2020-02-29", Some(1_582_934_400_000_000)),
    ("yyyy-MM-dd", "2019-02-29", None),
    ("yyyy-MM-dd", "2020-1-2", None),
    ("yyyy-MM-dd", "2020-01-02x", None),
    ("yyyy-MM-dd", "2020-01-0é", None),
    ("yyyy-MM-dd", "", None),
    ("yyyyMMdd", "20200102", Some(1_577_923_200_000_000)),
    ("yyyyMMddHHmmssSSS", "20260202135010207", Some(1_770_040_210_207_000)),
    ("yyyyMMddHHmmssSSS", "2026020213501020", None),
    ("yy-MM-dd", "85-01-02", Some(3_629_232_000_000_000)),
    ("y-M-d H:m:s", "2020-1-2 3:4:5", Some(1_577_934_245_000_000)),
    ("y-M-d", "2020-00001-02", Some(1_577_923_200_000_000)),
    ("M/d/yy h:mm a", "1/2/20 3:04 PM", Some(1_577_977_440_000_000)),
    ("y hh:mm a", "1970 12:15 am", Some(900_000_000)),
    ("y hh:mma", "1970 10:15pm", Some(80_100_000_000)),
    ("y hh:mm", "1970 12:15", Some(900_000_000)),
    ("y hh:mm a", "1970 13:00 pm", None),
    ("yyyy-MM-dd HH:mm:ss", "2020-01-02 24:00:00", Some(1_577_923_200_000_000)),
    ("yyyy-MM-dd HH:mm:ss", "2020-01-02 25:00:00", None),
    ("yyyy-MM-dd HH:mm:ss", "2020-01-02 23:60:00", None),
    ("yyyy-MM-dd HH:mm:ss", "2020-01-02 23:59:60", None),
    ("yyyy-MM-dd HH:mm:ss", "2020-01-02 -3:04:05", None),
    ("yyyy-MM-dd HH:mm:ss,SSS", "2020-01-02 03:04:05,123", Some(1_577_934_245_123_000)),
    ("yyyy-MM-dd HH:mm:ss.S", "2020-01-02 03:04:05.1", Some(1_577_934_245_100_000)),
    ("yyyy-MM-dd HH:mm:ss.S", "2020-01-02 03:04:05.1234", None),
    ("yyyy-MM-dd HH:mm:ss.SS", "2020-01-02 03:04:05.12", Some(1_577_934_245_200_000)),
    ("yyyy-MM-dd HH:mm:ss.SU", "2020-01-02 03:04:05.123", Some(1_577_934_245_001_230)),
    ("yyyy-MM-dd HH:mm:ss.SSSU", "2020-01-02 03:04:05.1234", Some(1_577_934_245_123_400)),
    ("yyyy-MM-ddTHH:mm:ss.U+Z", "2020-01-02T03:04:05.5Z", Some(1_577_934_245_500_000)),
    ("yyyy-MM-ddTHH:mm:ss.U+Z", "2020-01-02T03:04:05.1234567Z", None),
    ("yyyy-MM-ddTHH:mm:ss.U+Z", "2020-01-02T03:04:05Z", None),
    ("yyyy-MM-dd'T'HH:mm", "2020-01-02T03:04", Some(1_577_934_240_000_000)),
    ("yyyy-MM-dd'T'HH:mm", "2020-01-02'T'03:04", None),
    ("d MMM y", "12 December 2020", Some(1_607_731_200_000_000)),
    ("d MMM y", "2 JAN 2020", Some(1_577_923_200_000_000)),
    ("d MMM y", "2 Januar 2020", None),
    ("E, dd MMM yyyy HH:mm:ss Z", "Mon, 02 Jan 2020 03:04:05 GMT", Some(1_577_934_245_000_000)),
    ("E, dd MMM yyyy HH:mm:ss Z", "Thursday, 02 Jan 2020 03:04:05 +0200", Some(1_577_927_045_000_000)),
    ("YYYY-Www", "2020-W07", Some(1_581_292_800_000_000)),
    ("YYYY-Www", "2020-W53", Some(1_609_113_600_000_000)),
    ("YYYY-Www", "2021-W53", None),
    ("YYYY-Www", "2021-W00", None),
    ("YYYY-Www", "2020-W01", Some(1_577_664_000_000_000)),
    ("y-D", "2020-001", Some(1_577_836_800_000_000)),
    ("yyyy-MM-dd G", "2020-01-02 AD", Some(1_577_923_200_000_000)),
    ("yyyy-MM-dd HH:mm z", "2020-01-02 03:04 GMT+02", Some(1_577_927_040_000_000)),
    ("yyyy-MM-dd HH:mm z", "2020-01-02 03:04 GMT+2", None),
    ("yyyy-MM-dd HH:mm z", "2020-01-02 03:04 +02:60", None),
    ("yyyy-MM-dd HH:mm z", "2020-01-02 03:04 +24:00", None),
    ("yyyy-MM-dd HH:mm z", "2020-01-02 03:04 -0230", Some(1_577_943_240_000_000)),
    ("yyyy-MM-dd HH:mm z", "2020-07-02 03:04 Europe/Berlin", Some(1_593_651_840_000_000)),
    ("yyyy-MM-dd HH:mm z", "2020-01-02 03:04 Europe/Berlin", Some(1_577_930_640_000_000)),
    ("yyyy-MM-dd HH:mm z", "2020-07-02 03:04 PST", Some(1_593_684_240_000_000)),
    ("yyyy-MM-dd HH:mm z", "2020-07-02 03:04 utc", Some(1_593_659_040_000_000)),
    ("yyyy-MM-dd HH:mm z", "2020-07-02 03:04 XYZ", None),
];

#[test]
fn as_questdb_reads_them() {
    for (format, text, expected) in ANSWERS {
        assert_eq!(micros(format, text), *expected, "{text:?} by {format:?}");
    }
}

#[test]
fn nanoseconds() {
    let nanos = |format: &str, text: &str| format.parse::<TimestampFormat>().unwrap().parse(text)?.nanos();
    let expected = Some(1_577_934_245_123_456_789);
    assert_eq!(nanos("yyyy-MM-ddTHH:mm:ss.SSSUUUNNNZ", "2020-01-02T03:04:05.123456789Z"), expected);
    assert_eq!(nanos("yyyy-MM-ddTHH:mm:ss.N+Z", "2020-01-02T03:04:05.123456789Z"), expected);
    assert_eq!(nanos("yyyy-MM-ddTHH:mm:ss.N+Z", "2020-01-02T03:04:05.1Z"), Some(1_577_934_245_100_000_000));
    assert_eq!(nanos("yyyy", "3000"), None);
}

#[test]
fn a_bad_format_is_told_at_once() {
    let error = |format: &str| format.parse::<TimestampFormat>().unwrap_err().to_string();
    assert!(error("HH:mm").contains("needs a year"));
    assert!(error("%Y-%m-%d").contains("needs a year"));
    assert!(error("").contains("needs a year"));
    assert!(error("yyyy 'x").contains("does not end"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(seconds in 0_i64..253_402_300_800, nanos in 0_u32..1_000_000_000) {
        let time = jiff::Timestamp::new(seconds, nanos as i32).unwrap();
        for (ours, theirs) in [
            ("yyyy-MM-ddTHH:mm:ss.SSSUUUNNNZ", "%Y-%m-%dT%H:%M:%S.%9fZ"),
            ("E, d MMM y hh:mm:ss.N+ a", "%a, %-d %b %Y %I:%M:%S.%9f %p"),
            ("D/EE MMMM dd yyyy H:m:s.N+ z", "%j/%A %B %d %Y %-H:%-M:%-S.%9f UTC"),
        ] {
            let text = time.strftime(theirs).to_string();
            let read = ours.parse::<TimestampFormat>().unwrap().parse(&text);
            prop_assert_eq!(read, Some(PointInTime { seconds, nanos }), "{} by {}", text, ours);
        }
        let week = time.strftime("%G-W%V").to_string();
        let monday = "YYYY-Www".parse::<TimestampFormat>().unwrap().parse(&week).unwrap().seconds;
        prop_assert!((0..7 * 86_400).contains(&(seconds - monday)), "{}", week);
    }

    #[test]
    fn places_are_where_the_tz_database_says(seconds in 0_i64..4_102_444_800, place in 0_usize..4) {
        let place = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"][place];
        let time = jiff::Timestamp::from_second(seconds).unwrap().in_tz(place).unwrap();
        let text = time.strftime("%Y-%m-%d %H:%M:%S %Q").to_string();
        let read = "yyyy-MM-dd HH:mm:ss z".parse::<TimestampFormat>().unwrap().parse(&text).unwrap();
        // An hour that clocks show twice is the first one.
        let first = time.datetime().in_tz(place).unwrap().timestamp().as_second();
        prop_assert_eq!(read.seconds, first, "{}", text);
    }

    #[test]
    fn no_text_and_no_format_is_too_odd(format in "[yMdHhKkmsSUNZzaEGwDu:'T+ .-]{0,12}", text: String) {
        if let Ok(format) = format.parse::<TimestampFormat>() {
            let _ = format.parse(&text);
            let _ = format.parse("2020-01-02T03:04:05.123456789Z");
        }
    }
}
