use proptest::prelude::*;
use proptest::string::string_regex;

use super::*;
use crate::jobs::image;
use crate::logs::window::Window;

/// Texts of a schema's pattern that are as long as it allows.
fn texts(schema: &Object) -> impl Strategy<Value = String> + use<> {
    let pattern = schema.pattern.clone().unwrap();
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    let max = schema.max_length.unwrap();
    let texts = string_regex(pattern).unwrap();
    texts.prop_filter("is too long", move |text| text.chars().count() <= max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_a_schema_allows_its_parser_accepts(
        name in texts(&name()),
        label in texts(&namespace("")),
        repo in texts(&image_repo()),
        tag in texts(&image_tag()),
        time in "[0-9]{1,12}(\\.[0-9]{1,9})?",
    ) {
        prop_assert!(names::name(&name).is_ok(), "{name:?}");
        prop_assert!(names::namespace(&label).is_ok(), "{label}");
        prop_assert!(image::repository(&repo).is_ok(), "{repo}");
        prop_assert!(image::tag(&tag).is_ok(), "{tag}");
        prop_assert!(Window::start(&time).is_ok(), "{time}");
    }
}
