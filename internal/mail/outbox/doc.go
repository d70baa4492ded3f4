// Package outbox is the part of the mail room that sends: messages wait as rows
// until Gmail has them, drafts, aliases and signatures.
package outbox
