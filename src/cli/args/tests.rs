use clap::CommandFactory as _;

use super::*;

fn read(line: &str) -> Result<Args, Exit> {
    let words = std::iter::once("guichet").chain(line.split_whitespace());
    Args::try_parse_from(words).map_err(|error| end_of(&error))
}

fn command(line: &str) -> Command {
    read(line).unwrap_or_else(|exit| panic!("{line}: {exit:?}")).command
}

#[test]
fn the_definition_holds_together() {
    Args::command().debug_assert();
}

#[test]
fn every_command_of_the_contract_is_read() {
    for line in [
        "run",
        "demo",
        "demo --seed 7 --contracts 90 --sources 5 --once --dir d",
        "demo --listen 127.0.0.1:0",
        "harvest",
        "harvest nimes albi --force --dry-run",
        "publish --force --accept-shrink",
        "serve",
        "serve --public copy",
        "check --online --rules --json",
        "check --quiet",
        "sources list --json",
        "sources show nimes --json",
        "sources probe https://example.org/decp.json --json",
        "sources forget nimes",
        "status --json",
        "explain 24340001700022M1 --json",
        "validate a.json b.xml --format decp-xml --json",
        "validate a.csv --columns N°=id --columns Pouvoir=adjudicateur=acheteur.id --encoding latin1",
        "merge a.json b.xml",
        "quarantine list --source nimes --json",
        "quarantine show 12 --json",
        "quarantine retry",
        "redact 24340001700022M1 --reason asked --dry-run --json",
        "mask 55208131766522 --reason asked --json",
        "replay",
        "replay nimes",
        "archive purge --older-than 400d --dry-run",
        "archive purge --hash ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "db check --json",
        "db backup copy.db",
        "db restore copy.db",
        "completions bash",
        "man",
    ] {
        command(line);
    }
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    for line in [
        "--config c.toml --data-dir d -vv --log-format json status",
        "status --config c.toml --data-dir d -v -v --log-format json",
    ] {
        let global = read(line).unwrap().global;
        assert_eq!(global.config, Some(PathBuf::from("c.toml")));
        assert_eq!(global.data_dir, Some(PathBuf::from("d")));
        assert_eq!((global.verbose, global.quiet, global.log_format), (2, 0, Some(LogFormat::Json)));
        assert_eq!(global.config_file(), PathBuf::from("c.toml"));
    }
}

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    for line in [
        "",
        "hravest",
        "harvest --frce",
        "validate",
        "merge",
        "explain",
        "sources",
        "db",
        "db backup",
        "completions tcsh",
        "status -q -v",
        "validate a.json --format word",
        "validate a.csv --columns N°",
        "validate a.csv --columns N°=numéro",
        "validate a.csv --columns =id",
        "validate a.csv --encoding klingon",
        "demo --contracts 0",
        "demo --once --listen 127.0.0.1:1",
        "serve --listen nowhere",
        "quarantine",
        "quarantine show",
        "redact u",
        "redact --reason asked",
        "mask 55208131766522",
        "archive purge",
        "archive purge --hash abc",
        "archive purge --older-than 400",
        "archive purge --older-than 400d --hash ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ] {
        assert_eq!(read(line).unwrap_err(), Exit::Usage, "{line}");
    }
    for line in ["--help", "-h", "--version", "help", "help harvest", "db --help"] {
        assert_eq!(read(line).unwrap_err(), Exit::Done, "{line}");
    }
}

#[test]
fn commands_that_write_hold_the_lock_and_the_others_do_not() {
    for line in [
        "run",
        "harvest",
        "publish",
        "replay",
        "sources forget nimes",
        "db restore f",
        "quarantine retry",
        "redact u --reason asked",
        "mask s --reason asked",
        "archive purge --older-than 400d",
    ] {
        assert!(command(line).takes_lock(), "{line}");
    }
    for line in [
        "serve",
        "check",
        "sources list",
        "status",
        "explain u",
        "db check",
        "db backup f",
        "demo",
        "validate f",
        "merge f",
        "harvest --dry-run",
        "quarantine list",
        "quarantine show 1",
        "redact u --reason asked --dry-run",
        "archive purge --older-than 400d --dry-run",
    ] {
        assert!(!command(line).takes_lock(), "{line}");
    }
}

#[test]
fn every_command_and_option_says_what_it_is_for() {
    fn walk(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{} has no help", command.get_name());
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} {} has no help", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(walk);
    }
    let mut all = Args::command();
    all.build();
    walk(&all);
}
