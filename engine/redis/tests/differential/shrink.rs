//! From a list that fails to a shorter one that still does.

/// Leaves out ever smaller parts as long as what is left still fails.
pub(crate) fn shrink<T: Clone>(mut list: Vec<T>, fails: &mut impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut part = list.len().div_ceil(2);
    while part > 0 {
        let mut start = 0;
        while start < list.len() {
            let end = list.len().min(start + part);
            let without = [&list[..start], &list[end..]].concat();
            if fails(&without) {
                list = without;
            } else {
                start = end;
            }
        }
        part /= 2;
    }
    list
}

#[test]
fn a_failing_list_shrinks_to_what_makes_it_fail() {
    let mut fails = |list: &[u32]| list.contains(&13) && list.contains(&77);
    assert_eq!(shrink((0..100).collect(), &mut fails), [13, 77]);
}
