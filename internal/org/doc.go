// Package org is the room of people: workspaces and their members, what an
// organisation has decided about Google, signing in with a password or with
// Google, sessions, bearer tokens and API keys, invitations and connect links,
// the OAuth clients entered here, and the audit trail.
//
// Rules:
//   - A person signs in when they were added or invited, or when the installation
//     allows their Google Workspace domain; the domain is the hd claim, never the
//     text of an address.
//   - A Google account is known by its sub. An address from Google counts only
//     when verified, and only to find an invitation, or somebody who was added and
//     whose account no other Google account has taken.
//   - A link (invitation, connect link) is 256 random bits, shown once, kept as a
//     SHA-256, good for a week and for one use. It never opens an account that is
//     there already: whoever made it holds it, too.
//   - Passwords are kept as argon2id, sessions and keys as SHA-256, secrets of
//     OAuth clients sealed. Unknown people take as long to refuse as known ones,
//     and attempts are limited per account and per address.
//   - A workspace the caller does not belong to does not exist for them.
//   - What members may do to each other is judged by how things stand inside the
//     transaction, not by what the caller was when the request began: a workspace
//     never loses its last owner, and administrators do not touch owners.
//   - An API key acts for its maker with the role they have now. A process believes
//     what it read about a key for a second; what it changed itself, it knows at once.
//   - Every act is stored with its audit row in one transaction, and with the fact
//     it causes.
package org
