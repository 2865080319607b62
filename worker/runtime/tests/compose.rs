//! Connect services of real users' compose files: their environment makes a configuration, or names what is missing.
//!
//! The files are not ours to ship, so they are read from beside the checkout, and the test says so when they are not there.

use std::path::Path;

use connect_runtime::{config::WorkerSettings, environment::Environment};

/// Services that their own images would not have started either, or that are used otherwise, and what is missing.
const UNFINISHED: [(&str, &str); 0] = [];

/// The variables of a service. The files are written by one program, so that this much of YAML is enough.
fn variables(text: &str) -> Vec<(String, String)> {
    let mut lines = text.lines().skip_while(|line| line.trim_end() != "    environment:").skip(1).peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let (pair, separator) = match line.strip_prefix("    - ") {
            Some(item) => (item, "="),
            None => match line.strip_prefix("      ") {
                Some(entry) => (entry, ": "),
                None => break,
            },
        };
        let mut pair = pair.to_owned();
        // A long text goes on in lines that are set in deeper, as does a block.
        while let Some(more) = lines.next_if(|line| line.starts_with("        ")) {
            pair = format!("{} {}", pair.trim_end_matches(">-").trim_end_matches("|-").trim_end(), more.trim());
        }
        if let Some((name, value)) = pair.split_once(separator) {
            let value = value.trim_matches('\'').replace("$$", "$");
            found.push((name.trim_matches('\'').to_owned(), value));
        }
    }
    found
}

#[test]
fn the_environment_of_real_services_is_right_or_names_what_is_missing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/real-configs/compose-env");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is not there", folder.display());
        return;
    };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut problems = Vec::new();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let variables = variables(&std::fs::read_to_string(path).unwrap());
        assert!(variables.len() >= 5, "{name}: {variables:?}");
        let environment = Environment::of(variables);
        match WorkerSettings::distributed(&environment.props) {
            Ok(settings) => {
                let notes = environment.notes.iter().chain(&settings.notes);
                notes.for_each(|note| println!("{name}: {} {note}", settings.worker_id()));
            }
            Err(error) => problems.push((name, error.message().to_owned())),
        }
    }
    let unexplained = |(file, problem): &&(String, String)| {
        !UNFINISHED.iter().any(|(unfinished, part)| file == unfinished && problem.contains(part))
    };
    let unexplained: Vec<_> = problems.iter().filter(unexplained).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    assert_eq!(problems.len(), UNFINISHED.len(), "{problems:?}");
}
