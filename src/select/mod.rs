//! jq filters over results, in a process of their own, so that no filter can hang the bridge.
