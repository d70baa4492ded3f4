// Package push is the part of the mail room that is told of new mail: watches
// and their renewal, notifications of Pub/Sub by push and by pull.
package push
