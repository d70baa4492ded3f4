// Package org is the room of people: workspaces and their members, signing in
// with a password or with Google, sessions, bearer tokens and API keys.
//
// Rules:
//   - A person signs in when they were invited, or when the installation allows
//     their Google Workspace domain; the domain is the hd claim, never the text
//     of an address.
//   - A Google account is known by its sub. An address from Google counts only
//     when verified, and only to find an invitation that no account has taken.
//   - Passwords are kept as argon2id, sessions and keys as SHA-256. Unknown
//     people take as long to refuse as known ones, and attempts are limited per
//     account and per address.
//   - A workspace the caller does not belong to does not exist for them.
package org
