// Package outbound is the door to addresses that users give: it posts webhooks,
// signed as Standard Webhooks says (standardwebhooks.com), and goes nowhere it
// should not.
//
// Rules:
//   - A name is resolved once per connection, and the connection is made to the
//     address that was judged (package netguard): what the name says on a second
//     look does not matter.
//   - Redirects are not followed, certificates are verified, answers are read up to
//     a limit, and nothing takes longer than its time.
package outbound
