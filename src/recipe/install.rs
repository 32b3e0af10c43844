//! How a server that runs here is got.

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::{choice, path};
use crate::base::locate;
use crate::config::finding::Severity;
use crate::config::reader::Reader;
use crate::config::stdio::read_env;

pub(super) const METHODS: [(&str, Method); 8] = [
    ("npx", Method::Npx),
    ("npm", Method::Npm),
    ("pip", Method::Pip),
    ("uvx", Method::Uvx),
    ("docker", Method::Docker),
    ("binary", Method::Binary),
    ("go", Method::Go),
    ("git", Method::Git),
];

/// What other catalogs write: checks of their own, before and after.
pub(super) const UNUSED: [&str; 4] = ["healthcheck", "prerequisites", "toolsHash", "verifyCommand"];

/// `install` of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Install {
    /// What gets it.
    pub method: Method,
    /// The package, by the name that its registry has for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Which version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The image, for `docker`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Where the source is cloned from, for `git`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// What builds it, for `git`. A shell command: it is shown and asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_command: Option<String>,
    /// Where the program is downloaded, for `binary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
    /// Shell commands before it; they are shown and asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pre_install: Vec<String>,
    /// Shell commands after it; they are shown and asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_install: Vec<String>,
    /// What is otherwise on some systems: `linux`, `darwin`, `win32`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub platforms: IndexMap<String, Platform>,
    /// Files that are written into the server's own folder, `${CONFIG_DIR}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config_files: Vec<ConfigFile>,
}

/// What gets a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Nothing beforehand: `npx` fetches it when it is started.
    Npx,
    /// `npm install`.
    Npm,
    /// `pip install`.
    Pip,
    /// Nothing beforehand: `uvx` fetches it when it is started.
    Uvx,
    /// Nothing beforehand: `docker run` fetches the image.
    Docker,
    /// A download.
    Binary,
    /// `go install`.
    Go,
    /// A clone that is built.
    Git,
}

/// What replaces parts of a stdio transport on one system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Platform {
    /// The program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// Its variables.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
}

/// A file that a server reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigFile {
    /// A path below the server's own folder, with `/` between its parts.
    pub name: String,
    /// What stands in it.
    pub content: String,
}

impl Install {
    /// Nothing but how.
    pub(super) fn by(method: Method) -> Self {
        Self {
            method,
            package: None,
            version: None,
            image: None,
            repository: None,
            build_command: None,
            binary: None,
            pre_install: Vec::new(),
            post_install: Vec::new(),
            platforms: IndexMap::new(),
            config_files: Vec::new(),
        }
    }

    pub(super) fn read(mut reader: Reader<'_>) -> Option<Self> {
        if !reader.has("method") {
            let names = METHODS.map(|(name, _)| name);
            let message = format!("`method` is missing; it is one of {}", choice::listed(&names));
            reader.report().error(reader.pointer(), message);
        }
        let method = reader.choice("method", &METHODS);
        let install = Self {
            package: reader.filled_string("package"),
            version: reader.filled_string("version"),
            image: reader.filled_string("image"),
            repository: reader.filled_string("repository"),
            build_command: reader.filled_string("buildCommand"),
            binary: reader.filled_string("binary"),
            pre_install: reader.strings("preInstall").unwrap_or_default(),
            post_install: reader.strings("postInstall").unwrap_or_default(),
            platforms: read_platforms(&mut reader),
            config_files: read_config_files(&mut reader),
            ..Self::by(method.unwrap_or(Method::Npx))
        };
        reader.skip(&UNUSED);
        if method.is_some() {
            install.check(&reader);
        }
        reader.finish();
        method.map(|_| install)
    }

    /// Whether it names what its method works on.
    fn check(&self, reader: &Reader<'_>) {
        let needs = match self.method {
            Method::Npx | Method::Uvx | Method::Npm | Method::Pip | Method::Go => {
                vec![("package", &self.package)]
            }
            Method::Docker => vec![("image", &self.image)],
            Method::Binary => vec![("binary", &self.binary)],
            Method::Git => {
                vec![("repository", &self.repository), ("buildCommand", &self.build_command)]
            }
        };
        let name = choice::name_of(&METHODS, self.method);
        for (key, value) in needs {
            if value.is_none() && !reader.has(key) {
                let message = format!("`{key}` is missing, on which `{name}` would work");
                reader.report().warning(reader.pointer(), message);
            }
        }
    }
}

fn read_platforms(reader: &mut Reader<'_>) -> IndexMap<String, Platform> {
    const KEY: &str = "platforms";
    let place = reader.at(KEY);
    let mut platforms = IndexMap::new();
    for (name, value) in reader.map(KEY).into_iter().flatten() {
        let pointer = locate::child(&place, name);
        let Some(object) = value.as_object() else {
            reader.report().error(&pointer, format!("`{name}` in `{KEY}` must be an object"));
            continue;
        };
        let mut inner = Reader::new(object, &pointer, reader.report());
        let env = read_env(&mut inner).into_iter();
        let platform = Platform {
            command: inner.filled_string("command"),
            args: inner.strings("args"),
            env: env.map(|(name, value)| (name, value.expose().to_owned())).collect(),
        };
        inner.finish();
        platforms.insert(name.clone(), platform);
    }
    platforms
}

fn read_config_files(reader: &mut Reader<'_>) -> Vec<ConfigFile> {
    const KEY: &str = "configFiles";
    let read = |mut reader: Reader<'_>| {
        let name = reader.required_string("name");
        let content = reader.string("content");
        if content.is_none() && !reader.has("content") {
            reader.report().error(reader.pointer(), "`content` is missing");
        }
        if let Some(name) = &name
            && !path::is_inside(name)
        {
            let message = "`name` must be a path below the server's own folder";
            let finding = reader.report().finding(Severity::Error, &reader.at("name"), message);
            reader.report().add(finding.hint(path::RULE));
        }
        reader.finish();
        Some(ConfigFile { name: name?, content: content? })
    };
    let place = reader.at(KEY);
    let objects = choice::objects(reader, KEY).unwrap_or_default();
    let files: Vec<ConfigFile> = objects.into_iter().filter_map(read).collect();
    for (index, file) in files.iter().enumerate() {
        if files[..index].iter().any(|other| path::collide(&file.name, &other.name)) {
            let message = format!("`{}` is the name of another file or folder as well", file.name);
            reader.report().error(&place, message);
        }
    }
    files
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Method {
    /// As it is written.
    pub fn name(self) -> &'static str {
        choice::name_of(&METHODS, self)
    }
}
