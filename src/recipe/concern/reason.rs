//! One concern, and the reasons that there are.

use std::fmt;

use serde::Serialize;

use crate::recipe::Method;

/// Something that a recipe would do and that its installer has to know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Concern {
    /// What follows from it.
    pub severity: Severity,
    /// JSON pointer to the value that brings it about.
    pub pointer: String,
    /// What it is, as it stands in the recipe.
    pub what: String,
    /// What is the matter with it.
    pub why: Reason,
}

/// What follows from a concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is shown, and done only when it was agreed to.
    Consent,
    /// It has no honest use, or reaches so far that it is not worth any: such a recipe is not installed.
    Refused,
}

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A name that begins with `-`.
    LeadingDash,
    /// Characters that are not seen, in what is shown before it is run.
    Hidden,
    /// A package, image or version with blanks.
    NotAName,
    /// A repository that is none, such as a local path or a helper that runs programs.
    UnknownSource,
    /// `sudo` and its like.
    Elevated,
    /// A container that is none.
    Privileged,
    /// A mount of `/`.
    HostRoot,
    /// A step before, for or after the installation.
    ShellStep,
    /// A line of code among the arguments.
    ShellCode,
    /// A command that the method does not explain.
    OutsideMethod(Method),
    /// Another program than the one that is installed.
    OtherProgram,
    /// An option that is not among those that are known to be harmless.
    UnknownOption,
    /// A file that the recipe brings along and that is run.
    OwnCode,
    /// A proxy.
    Proxy,
    /// Another package or image than the declared one.
    OtherPackage,
    /// A package beside the declared one.
    FurtherPackage,
    /// A package by its address.
    OutsideRegistry,
    /// Another registry than the usual one.
    OtherRegistry,
    /// Options and variables that bring code into a program.
    LoadsCode,
    /// A variable in the place of a program, a package or an image.
    Undetermined,
    /// A mount of a host path.
    HostMount,
    /// The socket of Docker.
    DockerSocket,
    /// A namespace of the host or of another container.
    SharedNamespace,
    /// `--cap-add`.
    Capability,
    /// `--device`, `--gpus`.
    Device,
    /// `--security-opt` and its like.
    Loosened,
    /// `--env-file`.
    EnvFile,
    /// Another Docker than the one of this machine.
    OtherDaemon,
    /// A port of the host.
    Port,
    /// A container that goes on.
    Detached,
    /// `http://` to another machine.
    PlainHttp,
    /// A check of identity that is switched off.
    Unverified,
    /// A secret that the list of processes shows.
    SecretInArguments,
    /// A recipe of a remote catalog without a signature.
    Unsigned,
}

impl Concern {
    pub(super) fn new(pointer: &str, what: impl Into<String>, why: Reason) -> Self {
        Self { severity: why.severity(), pointer: pointer.to_owned(), what: what.into(), why }
    }
}

/// Reads as a sentence: what it is, and what is the matter with it.
impl fmt::Display for Concern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` {}", self.what, self.why)
    }
}

impl Reason {
    /// What follows from it.
    pub fn severity(self) -> Severity {
        match self {
            Self::LeadingDash
            | Self::Hidden
            | Self::NotAName
            | Self::UnknownSource
            | Self::Elevated
            | Self::Privileged
            | Self::HostRoot => Severity::Refused,
            _ => Severity::Consent,
        }
    }
}

/// What it says of the value that it is about.
impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::LeadingDash => "begins with `-`, so that a program would take it for an option",
            Self::Hidden => {
                "has characters that are not seen, so that it is not what it looks like"
            }
            Self::NotAName => "has blanks, which no name of a package, version or image has",
            Self::UnknownSource => {
                "is no address of a repository, which begins with `https://` or `ssh://`"
            }
            Self::Elevated => "runs it with the rights of an administrator",
            Self::Privileged => "gives the container all rights on this machine",
            Self::HostRoot => "gives the container all files of this machine",
            Self::ShellStep => "is run by a shell on this machine",
            Self::ShellCode => "is code that is run as it stands there",
            Self::OutsideMethod(method) => {
                return write!(
                    formatter,
                    "is not what a server by `{}` is started with",
                    method.name()
                );
            }
            Self::OtherProgram => "is another program than the one that is installed",
            Self::UnknownOption => "is an option that this version does not know",
            Self::OwnCode => "is a file of the recipe's own, which is run as a program",
            Self::Proxy => "has connections go by way of another machine",
            Self::OtherPackage => "is not what the recipe says that it installs",
            Self::FurtherPackage => "is fetched beside what the recipe says that it installs",
            Self::OutsideRegistry => "does not come from the registry of packages",
            Self::OtherRegistry => "has packages taken from elsewhere than from the usual registry",
            Self::LoadsCode => "brings code into a program before that runs",
            Self::Undetermined => "is known only once its variable is filled in",
            Self::HostMount => "gives the container files of this machine",
            Self::DockerSocket => "lets the container command Docker, and so the whole machine",
            Self::SharedNamespace => "lets the container see what is outside of it",
            Self::Capability => "gives the container further rights",
            Self::Device => "lets the container use devices of this machine",
            Self::Loosened => "changes what keeps the container apart",
            Self::EnvFile => "hands over all variables that a file has",
            Self::OtherDaemon => "has another Docker run it than that of this machine",
            Self::Port => "opens a port of this machine",
            Self::Detached => "lets the container run on when the bridge has ended",
            Self::PlainHttp => {
                "is reached without encryption, so that others can read and change what is sent"
            }
            Self::Unverified => "leaves unchecked who it is that answers",
            Self::Unsigned => "offers this recipe unsigned, so that nobody else vouches for it",
            Self::SecretInArguments => {
                "stands among the arguments, which every program on this machine can read"
            }
        };
        formatter.write_str(text)
    }
}
