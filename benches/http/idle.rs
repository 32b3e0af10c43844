//! What sessions cost that do nothing but listen.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::Client;
use crate::peer::Peer;

/// The kernel counts memory a little behind.
const SETTLING: Duration = Duration::from_millis(500);

/// Lets this process and those that it will start hold so many connections, as far as the system permits.
pub(crate) fn allow_descriptors(count: usize) -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = count as u64 + 256;
    let wanted = maximum.map_or(wanted, |maximum| wanted.min(maximum));
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })?;
    }
    Ok(())
}

/// By how many kB resident memory grows when so many clients have opened a session and listen.
pub(crate) fn growth_kb(peer: &Peer, sessions: usize) -> io::Result<u64> {
    let before = peer.resident_kb();
    let open = |_| {
        let mut client = Client::connect(peer.address)?;
        client.shake_hands()?;
        client.listen()?;
        Ok(client)
    };
    let clients = (0..sessions).map(open).collect::<io::Result<Vec<_>>>()?;
    sleep(SETTLING);
    let after = peer.resident_kb();
    drop(clients);
    Ok(after.saturating_sub(before))
}
