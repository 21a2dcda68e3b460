//! The schemes that ship: each is sound, pays what it was published to pay, and has no key that
//! nothing reads.

mod files;
mod keys;
mod published;
mod shipped;
