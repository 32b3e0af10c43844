//! `bridge man`: the manual page, or one for each command.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man as Page;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::tree;

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge man | man -l -
  bridge man --dir ~/.local/share/man/man1     bridge.1, bridge-servers.1 and so on

`man bridge-servers` then shows the page of a command.";

#[derive(Debug, Args)]
pub(super) struct Man {
    /// Write a page for each command into this folder, which is made where it is not there
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints the page of the bridge, or writes all of them and prints where they are.
pub(super) fn run(arguments: &Man, printer: Printer) -> Result<Exit, Failure> {
    let mut root = tree::visible().disable_help_subcommand(true);
    root.build();
    if let Some(folder) = &arguments.dir {
        let mut files = Vec::new();
        fs::create_dir_all(folder)
            .and_then(|()| write(&root, folder, &mut files))
            .map_err(|error| failed(folder, &error))?;
        if printer.json {
            let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
            printer.json(&json!({ "files": files }));
        } else {
            for file in &files {
                printer.line(&file.display().to_string());
            }
        }
        return Ok(Exit::Done);
    }
    let page = text(&Page::new(root));
    if printer.json {
        printer.json(&json!({ "page": page }));
    } else {
        printer.data(&page);
    }
    Ok(Exit::Done)
}

/// Writes the page of the command and those of the commands below it.
fn write(command: &Command, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let page = Page::new(command.clone());
    let file = folder.join(page.get_filename());
    fs::write(&file, text(&page))?;
    files.push(file);
    for below in command.get_subcommands() {
        write(below, folder, files)?;
    }
    Ok(())
}

fn text(page: &Page) -> String {
    let mut text = Vec::new();
    page.render(&mut text).expect("memory takes all");
    // What stands behind the options is examples, and is looked for under that name.
    String::from_utf8_lossy(&text).replace("\n.SH EXTRA\n", "\n.SH EXAMPLES\n")
}

fn failed(folder: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write pages into `{}`: {error}", folder.display());
    let hint = "name a folder by `--dir` that you may write to".to_owned();
    Failure::new(Exit::Failed, message).hint(Some(hint))
}
