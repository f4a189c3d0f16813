//! Whom the names of users and groups mean. Looking them up can take long, where they come from
//! another machine: it happens when a configuration is read, not when a service is started.

use crate::config::{Service, Services};
use nix::unistd::{Gid, Group, Uid, User};
use std::ffi::CString;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq)]
pub enum Account {
    Known(Identity),
    /// Why there is none; it may be there later.
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    pub uid: Uid,
    pub gid: Gid,
    pub groups: Vec<Gid>,
    /// Its name and home, if it is in the data base.
    pub entry: Option<(String, PathBuf)>,
}

/// For all services that have a user or group.
pub fn look_up(services: &mut Services) {
    for service in services.values_mut() {
        if service.user.is_some() || service.group.is_some() {
            service.account = Some(match identity(service) {
                Ok(identity) => Account::Known(identity),
                Err(why) => Account::Unknown(why),
            });
        }
    }
}

fn identity(service: &Service) -> Result<Identity, String> {
    let mut identity = match &service.user {
        Some(name) => user(name)?,
        None => Identity {
            uid: Uid::effective(),
            gid: Gid::effective(),
            groups: Vec::new(),
            entry: None,
        },
    };
    if let Some(name) = &service.group {
        identity.gid = group(name)?;
        if identity.entry.is_none() {
            identity.groups = vec![identity.gid];
        }
    }
    Ok(identity)
}

fn user(name: &str) -> Result<Identity, String> {
    let about = |error: nix::Error| format!("user `{name}`: {error}");
    let number = name.parse().ok().map(Uid::from_raw);
    let user = match number {
        Some(uid) => User::from_uid(uid),
        None => User::from_name(name),
    };
    match (user.map_err(about)?, number) {
        (Some(user), _) => {
            let entry = CString::new(user.name.as_str()).map_err(|error| error.to_string())?;
            let groups = groups(&entry, user.gid).map_err(about)?;
            let entry = Some((user.name, user.dir));
            Ok(Identity { uid: user.uid, gid: user.gid, groups, entry })
        }
        // A number needs no entry. Its group has the same number, unless `group` says otherwise.
        (None, Some(uid)) => {
            let gid = Gid::from_raw(uid.as_raw());
            Ok(Identity { uid, gid, groups: vec![gid], entry: None })
        }
        (None, None) => Err(format!("there is no user `{name}`: add it, then reload")),
    }
}

fn group(name: &str) -> Result<Gid, String> {
    if let Ok(number) = name.parse() {
        return Ok(Gid::from_raw(number));
    }
    let found = Group::from_name(name).map_err(|error| format!("group `{name}`: {error}"))?;
    let found = found.ok_or_else(|| format!("there is no group `{name}`: add it, then reload"))?;
    Ok(found.gid)
}

#[cfg(not(target_vendor = "apple"))]
fn groups(name: &std::ffi::CStr, gid: Gid) -> nix::Result<Vec<Gid>> {
    nix::unistd::getgrouplist(name, gid)
}

#[cfg(target_vendor = "apple")]
fn groups(_: &std::ffi::CStr, _: Gid) -> nix::Result<Vec<Gid>> {
    Ok(Vec::new())
}
