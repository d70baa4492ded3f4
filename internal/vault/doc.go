// Package vault asks Google accounts for consent, keeps the tokens that come of
// it sealed, and hands out access tokens that work.
//
// Rules:
//
//   - A consent is begun with a state, a nonce and a PKCE verifier, lives ten
//     minutes and is taken once. Nothing is stored for a state that is unknown,
//     used or expired, and its code is not redeemed.
//   - What is asked for is the least that the wanted services need under the
//     workspace's scope profile. What was granted may be less (people untick
//     boxes) or more (earlier grants): it is compared as a superset, with
//     Google's aliases and hierarchies mapped.
//   - An account is its "sub", never its address. A reconnect must come back as
//     the same account; otherwise nothing changes.
//   - An answer without a refresh token never replaces the one we hold.
//   - Tokens are stored only sealed, bound to their grant and field.
//   - An access token is refreshed some minutes before it expires, by one worker
//     per grant across goroutines and processes; the others wait for its result
//     or use the token that is still valid.
//   - Only a definite answer of the token endpoint (invalid_grant and its
//     equivalents) ends a grant. Everything else is tried again later, with
//     growing pauses, and changes nothing a user can see.
//   - Google's revoke ends all that the account has given the project, through
//     whichever client. So it is called only when nothing else of ours uses the
//     account with that project.
//   - Every refresh, failure, revoke and failed unsealing is an audit row.
//
// The token service gives access tokens to plugins:
//
//   - A grant of the token service is one subject's for one service. It comes of a
//     consent by the subject's own session or by a signed link, never becomes a
//     connection, and asks for that service's scopes alone.
//   - A token is vended to a key that may vend the service, or to the subject's own
//     session. Only the subject itself is served from its connections: a
//     colleague's key never reaches a connected mailbox; what somebody authorises
//     for the token service is for the workspace's programs.
//   - Nothing is vended before its audit row is durable.
//   - What was vended a moment ago is vended again from memory. Each change of a
//     grant or an approval tells a fact in its transaction; one look at the facts a
//     second notices it, and three seconds without a look empty the memory.
//   - A lease stands for a token without giving it: methods, paths, calls and time
//     are bounded, each call is counted, and it can be cut at any moment.
//   - An event of Google's Cross-Account Protection acts once. It can end grants
//     and sessions; it never deletes what was synced.
//
// States of a connection, and what moves it:
//
//	connecting         consent begun
//	active             every wanted scope is granted
//	degraded           some wanted scopes are not; the others work
//	needs_reauth       the grant is dead or cannot be unsealed; a consent ends it
//	waiting_for_admin  Google said admin_policy_enforced or org_internal
//	paused             by its owner; a consent leaves it paused
//	disconnected       by its owner; data stays, a consent takes it up again
//
// States of a grant:
//
//	active             its refresh token works as far as known
//	dead               Google said so; its secrets are dropped
//	decryption_failed  none of our keys opens it; tried again at each use, so
//	                   that bringing the key back heals it
//	revoked            disconnected by its owner; its secrets are dropped
package vault
