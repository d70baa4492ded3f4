package httpapi

import (
	"net/http"
	"strings"

	"rapport/internal/access"
)

const (
	base = "/api/v1"
	w    = "/workspaces/{workspace_id}"
	g    = w + "/integrations/google"

	get    = http.MethodGet
	post   = http.MethodPost
	put    = http.MethodPut
	patch  = http.MethodPatch
	remove = http.MethodDelete

	tokenPath = "/api/token/"
)

// register is the table of contents of the API: who may call what.
func (s *Server) register(r *router) {
	// Sign-in
	add(r, anyone, get, "/setup", "get-setup", "Is the first owner still to be made?", s.getSetup)
	add(r, anyone, post, "/setup", "setup", "Make the first workspace and its owner", s.setup, status(201))
	add(r, anyone, post, "/auth/login", "login", "Sign in with a password (session cookie)", s.login)
	add(r, anyone, post, "/auth/token", "create-token", "Get a short-lived bearer token", s.createToken)
	add(r, anyone, post, "/auth/logout", "logout", "Sign out", s.logout)
	add(r, anyone, get, "/auth/google/login", "google-login", "Sign in with Google", s.googleLogin, redirects)
	add(r, holds("a consent under way"), get, "/auth/google/callback", "google-login-callback", "Where Google sends people back after sign-in", s.googleLoginCallback, redirects)
	add(r, signedIn, get, "/me", "get-me", "Who is signed in", s.getMe)
	add(r, inPerson, patch, "/me", "change-me", "Change one's own name", s.changeMe)
	add(r, inPerson, get, "/me/sessions", "list-sessions", "One's own signed-in browsers", s.listSessions)
	add(r, inPerson, remove, "/me/sessions/{session_id}", "end-session", "Sign one of them out", s.endSession)
	add(r, inPerson, post, "/me/sign-out-everywhere", "sign-out-everywhere", "End all sessions and bearer tokens", s.signOutEverywhere, status(204))
	add(r, inPerson, post, "/me/password", "change-password", "Change one's own password; other sessions end", s.changePassword, status(204))
	add(r, holds("an invitation's token"), get, "/invitations/{token}", "view-invitation", "What an invitation is for", s.viewInvitation)
	add(r, holds("an invitation's token"), post, "/invitations/{token}/accept", "accept-invitation", "Accept an invitation, and be signed in (session cookie)", s.acceptInvitation,
		says("Somebody new chooses a password. Who has an account is signed in with it, or gives its password."))

	// Workspaces
	add(r, signedIn, get, "/workspaces", "list-workspaces", "Workspaces of the caller", s.listWorkspaces)
	add(r, may(access.ConnectionRead), get, w, "get-workspace", "One workspace", s.getWorkspace)
	add(r, may(access.MembersRead), get, w+"/members", "list-members", "Members", s.listMembers)
	add(r, may(access.MembersManage), post, w+"/members", "add-member", "Invite a person", s.addMember, status(201))
	add(r, may(access.MembersManage), patch, w+"/members/{user_id}", "change-member", "Give a member another role", s.changeMember)
	add(r, may(access.MembersRead), remove, w+"/members/{user_id}", "remove-member", "Take a member out of the workspace, or leave it", s.removeMember,
		says("Administrators take others out; members name themselves to leave. The last owner stays. Their records and open tasks go to the successor or are nobody's, in the background."))
	add(r, may(access.MembersManage), get, w+"/invitations", "list-invitations", "Invitations that are open or have expired", s.listInvitations)
	add(r, may(access.MembersManage), post, w+"/invitations", "create-invitation", "Invite a person by a link", once(s, "create-invitation", s.invite), status(201))
	add(r, may(access.MembersManage), remove, w+"/invitations/{invitation_id}", "revoke-invitation", "End an invitation", s.revokeInvitation)
	add(r, may(access.AuditRead), get, w+"/audit", "list-audit", "The audit trail, newest first", s.listAudit)
	add(r, may(access.WorkspaceManage), get, w+"/api-keys", "list-api-keys", "API keys", s.listKeys)
	add(r, may(access.WorkspaceManage), post, w+"/api-keys", "create-api-key", "Make an API key", s.createKey, status(201))
	add(r, may(access.WorkspaceManage), remove, w+"/api-keys/{key_id}", "revoke-api-key", "Revoke an API key", s.revokeKey)
	add(r, may(access.MailRead), get, w+"/events", "stream-events", "Live events (server-sent)", s.streamEvents, describeEvents)

	s.registerOrganisation(r)
	s.registerTokens(r)
	s.registerAbout(r)

	// Google connection
	add(r, may(access.ConnectionManage), get, g+"/connect", "connect-google", "Begin connecting a Google account", s.connect)
	add(r, holds("a consent under way"), get, g+"/callback", "google-callback", "Where Google sends people back", s.callback, redirects)
	add(r, holds("a consent under way"), get, "/integrations/google/callback", "google-callback-any", "Where Google sends people back, for every workspace", s.callbackAny, redirects)
	add(r, may(access.ConnectionRead), get, g+"/status", "get-google-status", "State of the connection", s.getStatus)
	add(r, may(access.ConnectionManage), patch, g+"/settings", "update-google-settings", "Change settings of the connection", s.updateSettings)
	add(r, may(access.ConnectionManage), post, g+"/disconnect", "disconnect-google", "Disconnect, and delete the data if wanted", s.disconnect)
	add(r, may(access.ConnectionRead), get, g+"/runs", "list-runs", "Runs, newest first", s.listRuns)
	add(r, may(access.ConnectionRead), get, g+"/runs/{run_id}", "get-run", "One run", s.getRun)
	add(r, may(access.ConnectionRead), get, g+"/failures", "list-failures", "What could not be imported", s.listFailures)
	add(r, may(access.MailSync), post, g+"/failures/{failure_id}/retry", "retry-failure", "Try an item again now", s.retryFailure, status(202), says(syncScope))
	add(r, may(access.MailSync), post, g+"/verify", "verify-google", "Check completeness and heal", s.verify, status(202), says(syncScope))
	add(r, may(access.MailSync), post, g+"/preview", "preview-google", "What an import would be", s.preview, says(syncScope))

	// Mail
	add(r, may(access.MailSync), post, g+"/gmail/sync", "sync-gmail", "Sync now", s.sync, status(202), says(syncScope))
	add(r, may(access.MailRead), get, g+"/gmail/emails", "list-emails", "Messages, newest first", s.listEmails)
	add(r, may(access.MailRead), get, g+"/gmail/emails/{email_id}", "get-email", "One message", s.getEmail)
	add(r, may(access.MailRead), get, g+"/gmail/emails/{email_id}/attachments/{attachment_id}", "get-attachment", "The bytes of an attachment", s.getAttachment, answers("200", "application/octet-stream", "The file"))
	add(r, may(access.MailRead), get, g+"/gmail/threads/{thread_id}", "get-thread", "A conversation, oldest first", s.getThread)
	add(r, may(access.MailRead), get, g+"/gmail/labels", "list-labels", "Labels with their numbers", s.listLabels)
	s.registerSending(r)
	s.registerChanges(r)
	s.registerPrivacy(r)
	s.registerExport(r)
	s.registerPush(r)
	s.registerAccounts(r)
	s.registerWebhooks(r)

	// The CRM
	s.registerRecords(r)
	s.registerMerging(r)
	s.registerLinking(r)
	s.registerEnriching(r)
}

// syncScope says why reading is not enough for an API key.
const syncScope = "It makes Rapport call Google, so an API key that may only read mail (mail:read) may not: it needs mail:* or *."

// registerOrganisation is what an organisation decides about Google.
func (s *Server) registerOrganisation(r *router) {
	add(r, may(access.ApprovalRead), get, w+"/google-approval", "get-google-approval", "What the organisation has decided about Google", s.getApproval)
	add(r, may(access.WorkspaceManage), patch, w+"/google-approval", "decide-google-approval", "Approve or block Google, choose domains, scopes and products", s.decideApproval)
	add(r, may(access.ApprovalAsk), post, w+"/google-approval/request", "ask-google-approval", "Ask the administrators to approve", s.askApproval)
	add(r, may(access.ApprovalAsk), remove, w+"/google-approval/requests/{user_id}", "dismiss-google-approval-request", "Put a request away: administrators anybody's, members their own", s.dismissRequest)
	add(r, may(access.WorkspaceManage), get, w+"/google-clients", "list-google-clients", "OAuth clients", s.listGoogleClients)
	add(r, may(access.WorkspaceManage), post, w+"/google-clients", "add-google-client", "Enter the credentials of an OAuth client", once(s, "add-google-client", s.addGoogleClient), status(201))
	add(r, may(access.WorkspaceManage), patch, w+"/google-clients/{client_id}", "change-google-client", "Change an OAuth client", s.changeGoogleClient)
	add(r, may(access.WorkspaceManage), remove, w+"/google-clients/{client_id}", "retire-google-client", "Make no new connections with an OAuth client", s.retireGoogleClient)
	add(r, may(access.ConnectionsReadAll), get, w+"/connections", "list-connections", "Everybody's connections and how they do", s.listConnections)
	add(r, may(access.WorkspaceManage), post, w+"/doctor", "examine", "Walk the chain from the settings to Google and name the first broken link", s.examine)
	add(r, may(access.DirectoryRead), get, w+"/directory", "list-colleagues", "The organisation's directory, with who has connected", s.listColleagues)
	add(r, may(access.MembersManage), get, w+"/connect-links", "list-connect-links", "Connect links", s.listConnectLinks)
	add(r, may(access.MembersManage), post, w+"/connect-links", "create-connect-links", "Make links that let people connect Google without signing in here", once(s, "create-connect-links", s.createConnectLinks), status(201))
	add(r, may(access.MembersManage), remove, w+"/connect-links/{link_id}", "revoke-connect-link", "End a connect link", s.revokeConnectLink)
	add(r, holds("a connect link's token"), get, "/connect-links/{token}", "view-connect-link", "What a connect link is for", s.viewConnectLink)
	add(r, holds("a connect link's token"), get, "/connect-links/{token}/start", "start-connect-link", "Send the browser to Google", s.startConnectLink, redirects)
}

// registerTokens is the token service: the paths that plugins know, and leases.
func (s *Server) registerTokens(r *router) {
	workspace := queryParameter("workspace_id", "The workspace of the API key, or the caller's only one, when absent; 422 when they have several.", false)
	plain(r, holds("a signed authorize link, or the user's own session"), get, oauthPath+"/authorize", "authorize", "Send the user to Google to authorise a service", s.authorize,
		says("Sends the browser to Google's consent page. A user who is signed in here authorises for themselves; for any other userId it needs a signed link (POST /api/v1/tokens/authorize-links)."),
		queryParameter("userId", "The name the plugin knows the user by.", true), queryParameter("service", "gmail, drive, calendar, meet, sheets, contacts, directory, or one of the operator's.", true),
		queryParameter("redirect", "Where to go afterwards: a path of ours, or an address on one of ALLOWED_ORIGINS. It comes back with google=connected, degraded or denied, and error.", false),
		queryParameter("expires", "Of a signed link.", false), queryParameter("signature", "Of a signed link.", false),
		queryParameter("login_hint", "Address of the Google account to preselect.", false), workspace, answers("302", "text/html", "To Google"), problems(r))
	plain(r, holds("a consent under way, in the browser that began it"), get, oauthCallback, "authorize-callback", "Where Google sends the user back", s.oauthDone,
		queryParameter("state", "", false), queryParameter("code", "", false), queryParameter("error", "", false), queryParameter("iss", "", false),
		answers("200", "text/html", "A page that says what happened"), problems(r))
	plain(r, tokens, get, tokenPath+"{userId}/{service}", "vend-token", "A Google access token that works now, refreshed when needed", s.vend, workspace,
		says("404 token_not_found and 409 google_reauthorization_required carry action_url: a signed link that the user opens to authorise (again). 422 unknown_service lists the services. Without an authorisation of its own, a service is served by the user's own connection only when they ask themselves. Each token given out is a row of the audit trail."),
		answersJSON[VendedToken](r, "200", "The token"))
	plain(r, tokens, remove, tokenPath+"{userId}/{service}", "revoke-token", "End a user's authorisation of a service", s.revokeToken, workspace,
		says("Google ends all that an account has given to a project at once, so Google is told only when nothing else here uses the account; message says so otherwise."),
		answersJSON[RevokedToken](r, "200", "What happened"))
	plain(r, tokens, get, "/api/tokens/{userId}", "list-authorized-services", "Services that a user has authorised", s.listAuthorized, workspace,
		answersJSON[AuthorizedServices](r, "200", "The services; an API key sees those it may vend"))

	add(r, tokens, post, "/tokens/authorize-links", "create-authorize-link", "Make a signed link that a user opens to authorise a service", once(s, "create-authorize-link", s.createAuthorizeLink), status(201))
	add(r, tokens, post, "/tokens/leases", "create-lease", "Make a lease: narrow, short-lived access to Google without the token", once(s, "create-lease", s.createLease), status(201),
		says("The handle stands in the address of the calls, in place of a token. It is good for the methods and paths named, for an hour at most, and can be cut at once. It needs the right to vend the service."))
	add(r, tokens, get, "/tokens/leases", "list-leases", "Leases, newest first: administrators see all, others their own", s.listLeases)
	add(r, tokens, remove, "/tokens/leases/{lease_id}", "cut-lease", "End a lease at once", s.cutLease)
	add(r, may(access.WorkspaceManage), get, w+"/tokens", "list-service-tokens", "Authorisations of the token service", s.listServiceTokens)
	add(r, may(access.WorkspaceManage), remove, w+"/tokens/{grant_id}", "revoke-service-token", "End an authorisation", s.revokeServiceToken)
	for _, method := range []string{get, post, put, patch, remove} {
		plain(r, holds("the handle of a lease"), method, proxyPath+"{lease}/{path...}", "lease-"+tail(method), "Call Google through a lease ("+method+")", s.proxyLease,
			says("Passes the call on to Google with the access token, and streams the answer back, as far as the lease allows method and path. Bodies may have 40 MB. Cookies and Authorization are not passed on."),
			answers("200", "*/*", "Google's answer, whatever its status"), problems(r))
	}
	plain(r, holds("a security event token signed by Google"), post, base+"/auth/google/risc", "receive-security-event", "Google's Cross-Account Protection", s.securityEvent,
		says("Takes a security event token (RFC 8417) as the body, application/secevent+jwt. Google is the only caller."),
		answers("202", "text/plain", "Understood"), problems(r))
}

// registerAbout is what an installation tells about itself.
func (s *Server) registerAbout(r *router) {
	plain(r, anyone, get, "/{$}", "about", "What this service is; browsers get the web application", s.about, answersJSON[ServiceInfo](r, "200", "To programs"))
	plain(r, anyone, get, "/health", "health", "Does the process answer?", s.health, answersJSON[Health](r, "200", "It does"))
	plain(r, anyone, get, "/ready", "ready", "Can the process do its work?", s.ready, answersJSON[Readiness](r, "200", "It can"), answersJSON[Readiness](r, "503", "It cannot"))
	plain(r, anyone, get, "/docs", "docs", "This documentation, to be tried out", s.showDocs, answers("200", "text/html", "A page"))
	plain(r, anyone, get, "/openapi.json", "openapi", "This description", s.showDescription, answers("200", "application/json", "OpenAPI 3.1"))
	plain(r, holds("METRICS_TOKEN, where one is set"), get, "/metrics", "metrics", "Numbers for Prometheus", s.showMetrics(), answers("200", "text/plain", "Prometheus' text format"), problems(r))
}

func tail(method string) string { return strings.ToLower(method) }
