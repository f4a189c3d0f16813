//! Why a key is left out.

/// `None`: it says nothing that would be missed.
pub fn reason(section: &str, key: &str) -> Option<&'static str> {
    Some(match (section, key) {
        ("Unit", "Documentation" | "SourcePath" | "DefaultDependencies") => return None,
        ("Install", "WantedBy" | "RequiredBy" | "UpheldBy") => return None,
        ("Service", "NotifyAccess" | "IgnoreSIGPIPE" | "GuessMainPID") => return None,
        ("Install", "Alias") => "a service has one name",
        ("Install", "Also") => "each unit is imported by itself",
        (_, "ExecReload") => "to reload it, send it its signal: starter signal NAME HUP",
        (_, "ExecStop") => {
            "it is stopped by `stop_signal`: set the one that the command sends, or that the program knows"
        }
        (_, "ExecStartPost") => "to do something when it is ready, make it a service that requires it",
        (_, "ExecCondition") => "a command that must succeed is `before_start`; its failure is a failure",
        (_, "PIDFile") => "not needed: the starter is the parent of the service",
        (_, "RuntimeDirectory" | "StateDirectory" | "CacheDirectory" | "LogsDirectory"
            | "ConfigurationDirectory") => {
            "make the directory before the starter starts, or let the program make it"
        }
        (_, "SuccessExitStatus") => "0 alone is success",
        (_, "RestartPreventExitStatus" | "RestartForceExitStatus") => {
            "what is done after an exit does not depend on its code, except for 0"
        }
        (_, "RestartSteps") => "the delay doubles each time up to `restart_delay_max`",
        (_, "SupplementaryGroups") => "it gets the groups of its `user`",
        (_, "DynamicUser") => "make a user, and name it in `user`",
        (_, "SyslogIdentifier" | "SyslogFacility" | "SyslogLevel") => {
            "each line in the log has the name of its service"
        }
        (_, "Sockets" | "FileDescriptorStoreMax") => "the starter opens no sockets for services; see `descriptors`",
        (_, "OnFailure" | "OnSuccess") => "the log has it; `on_failure = \"exit\"` ends the starter",
        (_, "Conflicts" | "PropagatesReloadTo" | "ReloadPropagatedFrom" | "JoinsNamespaceOf") => {
            "services know `requires` and `after`"
        }
        (_, "RequiresMountsFor" | "WantsMountsFor") => "mount it before the starter starts",
        (_, "PassEnvironment") => "a service has the environment of the starter",
        (_, "UnsetEnvironment") => "`command = [\"env\", \"-u\", \"NAME\", …]` does it",
        (_, key) if key.starts_with("Condition") || key.starts_with("Assert") => {
            "a test is a command in `before_start`, and its failure is a failure"
        }
        (_, key) if is_sandbox(key) => "the starter builds no sandbox: `bwrap` or `setpriv` can go before the program",
        (_, key) if is_resource(key) => "there are `nofile`, `core` and `nice`; `prlimit`, `choom`, `ionice` and their like can go before the program",
        _ => "there is nothing like it",
    })
}

fn is_resource(key: &str) -> bool {
    let begins = ["Limit", "Memory", "CPU", "IO", "Tasks", "Startup", "BlockIO", "OOM", "NUMA"];
    key == "Slice" || key == "Delegate" || begins.iter().any(|begin| key.starts_with(begin))
}

fn is_sandbox(key: &str) -> bool {
    let begins = [
        "Protect",
        "Private",
        "Restrict",
        "SystemCall",
        "ReadWrite",
        "ReadOnly",
        "Inaccessible",
        "Bind",
        "Capability",
        "Ambient",
        "NoExec",
        "Exec",
        "Root",
        "Temporary",
        "Device",
        "IPAddress",
        "SELinux",
        "AppArmor",
        "Smack",
        "Mount",
        "NetworkNamespace",
    ];
    let names = [
        "NoNewPrivileges",
        "LockPersonality",
        "MemoryDenyWriteExecute",
        "RemoveIPC",
        "SecureBits",
        "KeyringMode",
        "ProcSubset",
        "UMask",
    ];
    names.contains(&key) || begins.iter().any(|begin| key.starts_with(begin))
}
