use chrono::{DateTime, Utc};
use proptest::prelude::*;
use shared_types::{ExecId, JobId};
use store::page::Direction;

use super::*;
use crate::read::fields::FieldError;

const OLDEST: Sort = Sort {
    direction: Direction::Ascending,
    ..Sort::NEWEST
};

fn parse(sort: Sort, query: &[(&str, &str)]) -> Result<PageRequest<JobId>, Vec<FieldError>> {
    let query = query.iter().copied().collect();
    Params::read(&query, |params| PageRequest::read(params, sort))
}

/// What the store would load of a list with the keys 1 to `count`.
fn load(count: i64, page: &Page<JobId>) -> Rows<JobId> {
    let mut list: Vec<_> = (1..=count).map(JobId).collect();
    if page.direction == Direction::Descending {
        list.reverse();
    }
    let limit = usize::try_from(page.limit).unwrap();
    let at = |key| list.iter().position(|id| *id == key).unwrap();
    let (from, to) = match page.position {
        Position::Skip(rows) => (usize::try_from(rows).unwrap(), usize::MAX),
        Position::After(key) => (at(key) + 1, usize::MAX),
        Position::Before(key) => (at(key).saturating_sub(limit), at(key)),
    };
    let to = to.min(list.len()).min(from.saturating_add(limit));
    let goes_on = match page.position {
        Position::Before(_) => from > 0,
        _ => to < list.len(),
    };
    Rows {
        rows: list.get(from..to).unwrap_or_default().to_vec(),
        goes_on,
    }
}

fn cut(count: i64, sort: Sort, query: &[(&str, &str)]) -> Cut<JobId> {
    let request = parse(sort, query).unwrap();
    request.cut(load(count, &request.query()), |id| *id)
}

#[test]
fn defaults_and_limits() {
    let query = |query| parse(Sort::NEWEST, query).unwrap().query();
    assert_eq!(query(&[]), Page::newest(20));
    let page = query(&[("page", "3"), ("page_size", "500")]);
    assert_eq!((page.position, page.limit), (Position::Skip(200), 100));
    let bad = [("page", "0"), ("page_size", "x"), ("cursor", "sideways-3")];
    assert_eq!(parse(Sort::NEWEST, &bad).unwrap_err().len(), 3);
}

#[test]
fn a_page_too_deep_is_sent_to_the_links() {
    let deep = |page, size| parse(Sort::NEWEST, &[("page", page), ("page_size", size)]);
    assert!(deep("500", "20").is_ok());
    assert!(deep("100", "100").is_ok());
    for (page, size) in [("501", "20"), ("101", "100"), ("4294967295", "100")] {
        let errors = deep(page, size).unwrap_err();
        assert_eq!(errors[0].field, "page");
        assert!(errors[0].message.contains("follow \"next\""), "{errors:?}");
    }
}

#[test]
fn a_page_past_the_end_is_empty() {
    let page = cut(3, Sort::NEWEST, &[("page", "9")]);
    assert_eq!((page.rows, page.previous, page.next), (vec![], None, None));
}

#[test]
fn a_cursor_of_another_order_is_refused() {
    let next = cut(9, Sort::NEWEST, &[("page_size", "1")]).next.unwrap();
    assert_eq!(next, "after.-created_at.9");
    let by_name = Sort {
        field: "name",
        ..Sort::NEWEST
    };
    for other in [OLDEST, by_name] {
        let errors = parse(other, &[("cursor", &next)]).unwrap_err();
        assert_eq!(errors[0].field, "cursor");
    }
}

fn reads_back<K: Key + Clone + PartialEq + std::fmt::Debug>(key: K) {
    for position in [Position::After(key.clone()), Position::Before(key)] {
        let text = cursor::write(position.clone(), OLDEST).unwrap();
        assert_eq!(cursor::read(&text, OLDEST), Ok(position));
    }
}

proptest! {
    #[test]
    fn links_walk_the_whole_list_and_back(
        count in 0_i64..120, size in 1_u32..30, newest_first: bool,
    ) {
        let sort = if newest_first { Sort::NEWEST } else { OLDEST };
        let size = size.to_string();
        let mut pages = vec![cut(count, sort, &[("page_size", &size)])];
        while let Some(next) = pages.last().unwrap().next.clone() {
            pages.push(cut(count, sort, &[("page_size", &size), ("cursor", &next)]));
        }
        let walked: Vec<_> = pages.iter().flat_map(|page| page.rows.clone()).collect();
        let mut whole: Vec<_> = (1..=count).map(JobId).collect();
        if newest_first {
            whole.reverse();
        }
        prop_assert_eq!(walked, whole);
        for (before, page) in pages.iter().zip(pages.iter().skip(1)).rev() {
            let previous = page.previous.clone().unwrap();
            let back = cut(count, sort, &[("page_size", &size), ("cursor", &previous)]);
            prop_assert_eq!(&back.rows, &before.rows);
            prop_assert_eq!(back.next.is_some(), true);
        }
        prop_assert_eq!(&pages[0].previous, &None);
    }

    #[test]
    fn any_query_is_read_or_refused(page in ".{0,12}", size in ".{0,12}", cursor in ".{0,40}") {
        let query = [("page", &*page), ("page_size", &*size), ("cursor", &*cursor)];
        let _ = parse(Sort::NEWEST, &query);
    }

    #[test]
    fn cursors_read_back(bits: u128, id: i64, name in "[^\0]{0,130}", micros in 0_i64..1 << 56) {
        let at: DateTime<Utc> = DateTime::from_timestamp_micros(micros).unwrap();
        reads_back(JobId(id));
        reads_back((name, JobId(id)));
        reads_back((at, JobId(id)));
        reads_back((at, ExecId(uuid::Uuid::from_u128(bits))));
    }
}
