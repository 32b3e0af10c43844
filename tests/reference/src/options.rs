//! The command line.

use crate::era::Era;

/// What the program was started with.
pub struct Options {
    /// The port to serve HTTP on; `None` is stdio.
    pub http: Option<u16>,
    /// Which revisions are spoken.
    pub era: Era,
}

/// Reads the arguments; the error says what was wrong with them.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { http: None, era: Era::Both };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--http" => {
                let port = value()?;
                options.http =
                    Some(port.parse().map_err(|_| format!("--http {port}: not a port"))?);
            }
            "--era" => options.era = value()?.parse()?,
            other => return Err(format!("{other} is unknown: --http PORT, --era ERA")),
        }
    }
    Ok(options)
}
