use chrono::DateTime;

use super::*;

fn line(text: &str) -> LogLine {
    LogLine {
        at: DateTime::UNIX_EPOCH,
        continued: false,
        gap_before: false,
        bytes: text.into(),
    }
}

fn whole(new_lines: u64, stored: i64, unfinished: Option<&str>) -> FinalRead {
    FinalRead::Whole {
        new_lines,
        passed: true,
        stored,
        unfinished: unfinished.map(line),
        proof: Proof::NotAsked,
    }
}

const LIMIT: Duration = Duration::from_mins(5);

fn judge(reads: Vec<FinalRead>) -> Vec<Judgement> {
    let (mut ending, now) = (Ending::new(LIMIT), Instant::now());
    let judge = |read| ending.judge(read, now);
    reads.into_iter().map(judge).collect()
}

fn missing() -> FinalRead {
    FinalRead::Missing("gone".to_owned())
}

#[test]
fn a_read_that_shows_all_and_no_more_is_enough() {
    let complete = Judgement::Seal(None, Verdict::Complete);
    let grew = vec![whole(2, 5, None), whole(0, 5, None)];
    assert_eq!(judge(grew), [Judgement::ReadAgain, complete.clone()]);
    assert_eq!(judge(vec![whole(0, 3, None)]), [complete]);
}

#[test]
fn what_could_be_cut_is_read_twice() {
    let complete = Judgement::Seal(None, Verdict::Complete);
    let empty = vec![whole(0, 0, None), whole(0, 0, None)];
    assert_eq!(judge(empty), [Judgement::ReadAgain, complete]);
    let unfinished = vec![
        whole(0, 3, Some("ab")),
        whole(0, 3, Some("abc")),
        whole(0, 3, Some("abc")),
    ];
    let sealed = Judgement::Seal(Some(line("abc")), Verdict::EndsMidLine);
    assert_eq!(
        judge(unfinished),
        [Judgement::ReadAgain, Judgement::ReadAgain, sealed]
    );
}

#[test]
fn a_proof_ends_it_and_its_absence_is_told() {
    let read = |seen: Proof, unfinished: Option<&str>| FinalRead::Whole {
        new_lines: 3,
        passed: true,
        stored: 3,
        unfinished: unfinished.map(line),
        proof: seen,
    };
    let given = read(
        Proof::Given {
            ends_mid_line: true,
        },
        None,
    );
    let proven = Verdict::Proven {
        ends_mid_line: true,
    };
    assert_eq!(judge(vec![given]), [Judgement::Seal(None, proven)]);
    let missing = vec![read(Proof::Missing, Some("ab")), whole(0, 3, None)];
    assert_eq!(judge(missing)[0], Judgement::ReadAgain);
    let again = |new_lines| FinalRead::Whole {
        new_lines,
        passed: true,
        stored: 3,
        unfinished: Some(line("ab")),
        proof: Proof::Missing,
    };
    let unproven = Verdict::Incomplete(UNPROVEN.to_owned());
    assert_eq!(
        judge(vec![again(3), again(0)]),
        [
            Judgement::ReadAgain,
            Judgement::Seal(Some(line("ab")), unproven)
        ]
    );
}

#[test]
fn a_failure_proves_nothing_however_often() {
    assert!(
        judge(vec![FinalRead::Failed; 50])
            .iter()
            .all(|each| *each == Judgement::Retry)
    );
}

#[test]
fn a_log_that_stays_away_is_given_up() {
    let (mut ending, start) = (Ending::new(LIMIT), Instant::now());
    let mut after = |read, seconds| ending.judge(read, start + Duration::from_secs(seconds));
    for seconds in 0..300 {
        assert_eq!(after(missing(), seconds), Judgement::Retry);
    }
    // It was there in between; that other reads failed proves nothing.
    assert_eq!(after(whole(1, 4, None), 300), Judgement::ReadAgain);
    assert_eq!(after(missing(), 301), Judgement::Retry);
    assert_eq!(after(FinalRead::Failed, 302), Judgement::Retry);
    assert_eq!(after(missing(), 600), Judgement::Retry);
    let lost = after(missing(), 601);
    assert!(matches!(
        lost,
        Judgement::Seal(None, Verdict::Incomplete(_))
    ));
}

#[test]
fn that_of_a_deleted_pod_is_given_up_sooner() {
    let (mut ending, start) = (Ending::new(LIMIT), Instant::now());
    ending.is_deleted();
    assert_eq!(ending.judge(missing(), start), Judgement::Retry);
    let early = start + DELETED_LIMIT - Duration::from_millis(1);
    assert_eq!(ending.judge(missing(), early), Judgement::Retry);
    let lost = ending.judge(missing(), start + DELETED_LIMIT);
    assert!(matches!(
        lost,
        Judgement::Seal(None, Verdict::Incomplete(_))
    ));
}

#[test]
fn a_log_that_stays_replaced_is_given_up() {
    let short = FinalRead::Whole {
        new_lines: 0,
        passed: false,
        stored: 3,
        unfinished: None,
        proof: Proof::NotAsked,
    };
    let judged = judge(vec![short; TRIES as usize]);
    let (last, others) = judged.split_last().unwrap();
    assert!(others.iter().all(|each| *each == Judgement::Retry));
    assert!(matches!(
        last,
        Judgement::Seal(None, Verdict::Incomplete(_))
    ));
}
