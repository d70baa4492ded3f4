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
//   - Google's revoke ends the account's whole grant to the project. So it is
//     called only when nothing else of ours uses the account.
//   - Every refresh, failure, revoke and failed unsealing is an audit row.
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
