// Package webhooks is the room of what is told to other programs: endpoints,
// what they are sent, and the log of it.
package webhooks
