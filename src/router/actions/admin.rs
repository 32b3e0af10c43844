//! `remove`, `set-env`, `set-mode`: changes of the config by an agent, where its owner allows them.

use crate::base::secret::Secret;
use crate::catalog::install::{Forgotten, forget};
use crate::config::edit::{self, Target};
use crate::config::{Mode, ServerName};
use crate::recipe::steers;
use crate::router::answer::{self, Changed};
use crate::router::routing::Router;
use crate::router::{Action, Admin, Error};

/// One change of the files, which the bridge follows as any other.
enum Edit {
    Remove(String),
    SetEnv(String, Secret),
    SetMode(Mode),
}

/// Makes the change that an action asks for.
pub(in crate::router) async fn run(router: &Router, action: Action<'_>) -> Result<Box<str>, Error> {
    let edit = match action {
        Action::Remove { server } => Edit::Remove(server.into_owned()),
        Action::SetEnv { key, .. } if steers(&key) => {
            let fault = Error::invalid(format!("programs load or trust what `{key}` says"));
            return Err(
                fault.with_hint("the owner of the bridge can set it, with `bridge set-env`")
            );
        }
        Action::SetEnv { key, value } => {
            Edit::SetEnv(key.into_owned(), Secret::from(value.into_owned()))
        }
        Action::SetMode { mode } => Edit::SetMode(mode_of(&mode)?),
        _ => return Err(Error::invalid("this action changes nothing")),
    };
    let Some(admin) = router.admin.clone() else {
        return Err(Error::NotAllowed { action: edit.action() });
    };
    let name = edit.action();
    let edited = tokio::task::spawn_blocking(move || edit.apply(&admin)).await;
    let (file, changed) = match edited {
        Ok(edited) => edited.map_err(Error::Edit)?,
        // Such tasks are never cancelled.
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let note = "comes into force within seconds, in every bridge that runs by it";
    Ok(answer::result(&Changed { action: name, file, changed, note }))
}

fn mode_of(name: &str) -> Result<Mode, Error> {
    Mode::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(|| {
        let known = Mode::ALL.map(Mode::name).join(", ");
        Error::invalid("there is no such mode").with_hint(format!("the modes are {known}"))
    })
}

impl Edit {
    fn action(&self) -> &'static str {
        match self {
            Self::Remove(_) => "remove",
            Self::SetEnv(..) => "set-env",
            Self::SetMode(_) => "set-mode",
        }
    }

    /// The file that was to change, and whether it did.
    fn apply(self, admin: &Admin) -> Result<(String, bool), edit::Error> {
        let Admin { source, paths, environment } = admin;
        let target = Target { source, paths, process: environment };
        let edited = match self {
            Self::Remove(server) => {
                let edited = edit::remove(&target, &server)?.edited;
                forget_all(&target, &server);
                edited
            }
            Self::SetEnv(key, value) => edit::set_env(&target, &key, &value)?.edited,
            Self::SetMode(mode) => edit::set_mode(&target, mode)?,
        };
        Ok((edited.file.display().to_string(), edited.changed))
    }
}

/// What was installed with a server goes with it; its pins stay, or an agent could have it trusted anew.
fn forget_all(target: &Target<'_>, server: &str) {
    let Ok(name) = ServerName::parse(server).or_else(|_| ServerName::normalise(server)) else {
        return;
    };
    for Forgotten { what, fault } in forget(target, &name) {
        if let Some(reason) = fault {
            tracing::warn!("`{name}` was removed, and {what} stays: {reason}");
        }
    }
}
