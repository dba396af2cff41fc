use super::*;

fn sequence(epoch: i16, first: i32, records: u32) -> Sequence {
    Sequence { producer_id: 7, epoch, first, last: last_of(first, records) }
}

/// Admits a batch whose outcome is already known.
fn admit(producers: &mut Producers, batch: Sequence) -> Judgement {
    producers.admit(batch, watch::channel(Some(Verdict::Committed { base_offset: 0 })).1)
}

#[test]
fn the_last_five_are_answered_again_and_older_ones_are_out_of_order() {
    let mut producers = Producers::default();
    for first in (0..60).step_by(10) {
        assert!(matches!(admit(&mut producers, sequence(0, first, 10)), Judgement::Next(..)));
    }
    for first in (10..60).step_by(10) {
        assert!(matches!(admit(&mut producers, sequence(0, first, 10)), Judgement::Seen(_)), "{first}");
    }
    assert!(matches!(admit(&mut producers, sequence(0, 0, 10)), Judgement::OutOfOrder { expected: 60 }));
}

#[test]
fn a_gap_is_out_of_order_and_changes_nothing() {
    let mut producers = Producers::default();
    admit(&mut producers, sequence(0, 0, 10));
    assert!(matches!(admit(&mut producers, sequence(0, 11, 1)), Judgement::OutOfOrder { expected: 10 }));
    assert!(matches!(admit(&mut producers, sequence(0, 10, 1)), Judgement::Next(..)));
}

#[test]
fn an_unknown_producer_may_begin_anywhere() {
    let mut producers = Producers::default();
    assert!(matches!(admit(&mut producers, sequence(3, 1234, 10)), Judgement::Next(..)));
    assert!(matches!(admit(&mut producers, sequence(3, 1244, 10)), Judgement::Next(..)));
}

#[test]
fn epochs_only_grow_and_begin_at_zero() {
    let mut producers = Producers::default();
    admit(&mut producers, sequence(1, 0, 10));
    assert!(matches!(admit(&mut producers, sequence(0, 10, 1)), Judgement::OldEpoch { current: 1 }));
    assert!(matches!(admit(&mut producers, sequence(2, 10, 1)), Judgement::OutOfOrder { expected: 0 }));
    assert!(matches!(admit(&mut producers, sequence(2, 0, 1)), Judgement::Next(..)));
}

#[test]
fn sequences_wrap() {
    let mut producers = Producers::default();
    admit(&mut producers, sequence(0, i32::MAX - 4, 10));
    assert_eq!(last_of(i32::MAX - 4, 10), 4);
    assert_eq!(last_of(i32::MAX, 1), i32::MAX);
    assert!(matches!(admit(&mut producers, sequence(0, 5, 1)), Judgement::Next(..)));
}

#[test]
fn a_failed_batch_takes_its_followers_out_of_line() {
    let mut producers = Producers::default();
    admit(&mut producers, sequence(0, 0, 10));
    let (place, token) = admit_open(&mut producers, sequence(0, 10, 10));
    let (follower, _) = admit_open(&mut producers, sequence(0, 20, 10));
    // The lane gives up; before that is settled, nothing new may be written.
    token.void();
    assert!(matches!(admit(&mut producers, sequence(0, 30, 10)), Judgement::Void));
    producers.failed(place);
    assert!(matches!(admit(&mut producers, sequence(0, 30, 10)), Judgement::Void));
    producers.failed(follower);
    let (_, again) = admit_open(&mut producers, sequence(0, 10, 10));
    assert!(!again.is_void() && token.is_void());
    // What a lane hears late must not take the second attempt down.
    token.void();
    assert!(!again.is_void());
    assert!(matches!(admit(&mut producers, sequence(0, 20, 10)), Judgement::Next(..)));
    assert!(matches!(admit(&mut producers, sequence(0, 30, 10)), Judgement::Next(..)));
}

/// Admits a batch whose outcome is not known yet.
fn admit_open(producers: &mut Producers, batch: Sequence) -> (Place, FenceToken) {
    match producers.admit(batch, watch::channel(None).1) {
        Judgement::Next(place, token) => (place, token),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_line_goes_on_when_all_of_a_void_one_are_settled() {
    let mut producers = Producers::default();
    let (first_verdict, open) = watch::channel(None);
    let Judgement::Next(first, token) = producers.admit(sequence(0, 0, 10), open) else { panic!() };
    let (second_verdict, open) = watch::channel(None);
    let Judgement::Next(second, _) = producers.admit(sequence(0, 10, 10), open) else { panic!() };
    // Refused for its records while the first one was under way.
    let Judgement::Next(third, _) = admit(&mut producers, sequence(0, 20, 10)) else { panic!() };
    producers.settled(third);
    token.void();
    first_verdict.send_replace(Some(Verdict::Committed { base_offset: 0 }));
    producers.settled(first);
    assert!(matches!(admit(&mut producers, sequence(0, 30, 10)), Judgement::Void));
    assert!(producers.is_in_line(second));
    second_verdict.send_replace(Some(Verdict::Committed { base_offset: 10 }));
    producers.settled(second);
    let (fourth, _) = admit_open(&mut producers, sequence(0, 30, 10));
    assert!(producers.is_in_line(fourth));
}

#[test]
fn what_is_done_behind_a_failed_batch_is_not_asked_for_again() {
    let mut producers = Producers::default();
    let (failed, token) = admit_open(&mut producers, sequence(0, 0, 10));
    // None of its records has a row.
    let Judgement::Next(empty, _) = admit(&mut producers, sequence(0, 10, 10)) else { panic!() };
    producers.settled(empty);
    let (last, _) = admit_open(&mut producers, sequence(0, 20, 10));
    token.void();
    producers.failed(failed);
    assert!(!producers.is_in_line(last));
    producers.failed(last);
    assert!(matches!(admit(&mut producers, sequence(0, 20, 10)), Judgement::OutOfOrder { expected: 0 }));
    assert!(matches!(admit(&mut producers, sequence(0, 10, 10)), Judgement::Seen(_)));
    assert!(matches!(admit(&mut producers, sequence(0, 0, 10)), Judgement::Next(..)));
    assert!(matches!(admit(&mut producers, sequence(0, 20, 10)), Judgement::Next(..)));
}

#[test]
fn nothing_is_admitted_before_a_refused_batch_is_at_its_end() {
    let mut producers = Producers::default();
    let (refused_verdict, open) = watch::channel(None);
    let Judgement::Next(refused, token) = producers.admit(sequence(0, 0, 10), open) else { panic!() };
    let (follower, _) = admit_open(&mut producers, sequence(0, 10, 10));
    token.void_followers();
    producers.failed(follower);
    // The good rows of the refused one are still to be written.
    assert!(matches!(admit(&mut producers, sequence(0, 10, 10)), Judgement::Void));
    assert!(!token.is_void());
    refused_verdict.send_replace(Some(Verdict::Committed { base_offset: 0 }));
    producers.settled(refused);
    assert!(matches!(admit(&mut producers, sequence(0, 10, 10)), Judgement::Next(..)));
}

#[test]
fn the_batches_before_are_known_until_they_are_settled() {
    let mut producers = Producers::default();
    let (sender, verdict) = watch::channel(None);
    producers.admit(sequence(0, 0, 10), verdict);
    admit(&mut producers, sequence(0, 10, 10));
    let Judgement::Next(third, _) = admit(&mut producers, sequence(0, 20, 10)) else { panic!() };
    assert_eq!(producers.open_before(third).len(), 1);
    sender.send_replace(Some(Verdict::Committed { base_offset: 0 }));
    assert_eq!(producers.open_before(third).len(), 0);
}

#[test]
fn what_was_committed_before_is_answered_and_what_comes_next_may_begin_anywhere() {
    let mut producers = Producers::default();
    let before = (0..8).map(|n| Committed { sequence: sequence(2, n * 10, 10), base_offset: n.into() });
    producers.restore(before.collect());
    let Judgement::Seen(verdict) = admit(&mut producers, sequence(2, 70, 10)) else { panic!() };
    assert_eq!(*verdict.borrow(), Some(Verdict::Committed { base_offset: 7 }));
    assert!(matches!(admit(&mut producers, sequence(1, 80, 10)), Judgement::OldEpoch { current: 2 }));
    assert!(matches!(admit(&mut producers, sequence(2, 90, 10)), Judgement::Next(..)));
    assert!(matches!(admit(&mut producers, sequence(2, 110, 10)), Judgement::OutOfOrder { expected: 100 }));
}

#[test]
fn a_hole_of_the_life_before_is_filled_and_what_is_behind_it_known() {
    for start in [100, i32::MAX - 20, i32::MAX - 10] {
        let at = |n: i32| start.wrapping_add(n) & i32::MAX;
        let mut producers = Producers::default();
        let before = [(0, 10), (20, 10)].map(|(first, records)| sequence(2, at(first), records));
        let before = before.map(|sequence| Committed { sequence, base_offset: 0 });
        producers.restore(before.to_vec());
        assert!(matches!(admit(&mut producers, sequence(2, at(10), 10)), Judgement::Next(..)), "{start}");
        assert!(matches!(admit(&mut producers, sequence(2, at(20), 10)), Judgement::Seen(_)), "{start}");
        assert!(matches!(admit(&mut producers, sequence(2, at(30), 1)), Judgement::Next(..)), "{start}");
    }
}

#[test]
fn the_number_of_producers_is_bounded() {
    let mut producers = Producers::default();
    for producer_id in 0..2 * PRODUCERS_REMEMBERED as i64 {
        admit(&mut producers, Sequence { producer_id, epoch: 0, first: 0, last: 0 });
    }
    assert_eq!(producers.by_id.len(), PRODUCERS_REMEMBERED);
    let last = 2 * PRODUCERS_REMEMBERED as i64 - 1;
    assert!(producers.by_id.contains_key(&last) && !producers.by_id.contains_key(&0));
}
