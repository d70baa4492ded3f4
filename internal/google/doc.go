// Package google is the door to Google: OAuth, OpenID and security events for
// the vault, the Gmail API for the mail room, the directory for the people of an
// organisation, and a way through for calls of plugins that hold a lease
// (proxy.go). Here Google's errors are classified (errors.go, nowhere else), its
// quota is obeyed (quota.go, gate.go), passing errors are tried again (call.go),
// and messages are fetched with as few units as the mailbox allows (planner.go,
// fetch.go, batch.go).
//
// One file per API; what the APIs share stands in the files named above.
package google
