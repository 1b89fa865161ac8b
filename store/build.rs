//! Has a new migration compiled in: the macro that does so does not look for changes itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
