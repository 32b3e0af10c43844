//! HTTP headers that repeat what a request of the stateless era says in its body, so that intermediaries need not read
//! it (revision 2026-07-28, Streamable HTTP, Request Metadata): written towards servers, checked where clients come in.

mod annotation;
mod check;
mod value;
mod write;

pub use annotation::{Annotation, AnnotationFault, Annotations, KEYWORD, Kind};
pub use check::{Mismatch, check_headers};
pub use value::{decode, encode};
pub use write::{METHOD, NAME, PARAM_PREFIX, PROTOCOL_VERSION, request_headers};
