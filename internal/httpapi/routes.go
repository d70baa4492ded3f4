package httpapi

import (
	"net/http"

	"rapport/internal/access"
)

const (
	base = "/api/v1"
	w    = "/workspaces/{workspace_id}"
	g    = w + "/integrations/google"

	get    = http.MethodGet
	post   = http.MethodPost
	patch  = http.MethodPatch
	remove = http.MethodDelete
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
	add(r, anyone, get, "/auth/google/callback", "google-login-callback", "Where Google sends people back after sign-in", s.googleLoginCallback, redirects)
	add(r, signedIn, get, "/me", "get-me", "Who is signed in", s.getMe)

	// Workspaces
	add(r, signedIn, get, "/workspaces", "list-workspaces", "Workspaces of the caller", s.listWorkspaces)
	add(r, may(access.ConnectionRead), get, w, "get-workspace", "One workspace", s.getWorkspace)
	add(r, may(access.MembersRead), get, w+"/members", "list-members", "Members", s.listMembers)
	add(r, may(access.MembersManage), post, w+"/members", "add-member", "Invite a person", s.addMember, status(201))
	add(r, may(access.WorkspaceManage), get, w+"/api-keys", "list-api-keys", "API keys", s.listKeys)
	add(r, may(access.WorkspaceManage), post, w+"/api-keys", "create-api-key", "Make an API key", s.createKey, status(201))
	add(r, may(access.WorkspaceManage), remove, w+"/api-keys/{key_id}", "revoke-api-key", "Revoke an API key", s.revokeKey)
	add(r, may(access.MailRead), get, w+"/events", "stream-events", "Live events (server-sent)", s.streamEvents, describeEvents)

	// Google connection
	add(r, may(access.ConnectionManage), get, g+"/connect", "connect-google", "Begin connecting a Google account", s.connect)
	add(r, anyone, get, g+"/callback", "google-callback", "Where Google sends people back", s.callback, redirects)
	add(r, anyone, get, "/integrations/google/callback", "google-callback-any", "Where Google sends people back, for every workspace", s.callbackAny, redirects)
	add(r, may(access.ConnectionRead), get, g+"/status", "get-google-status", "State of the connection", s.getStatus)
	add(r, may(access.ConnectionManage), patch, g+"/settings", "update-google-settings", "Change settings of the connection", s.updateSettings)
	add(r, may(access.ConnectionManage), post, g+"/disconnect", "disconnect-google", "Disconnect, and delete the data if wanted", s.disconnect)
	add(r, may(access.ConnectionRead), get, g+"/runs", "list-runs", "Runs, newest first", s.listRuns)
	add(r, may(access.ConnectionRead), get, g+"/runs/{run_id}", "get-run", "One run", s.getRun)
	add(r, may(access.ConnectionRead), get, g+"/failures", "list-failures", "What could not be imported", s.listFailures)
	add(r, may(access.MailSync), post, g+"/failures/{failure_id}/retry", "retry-failure", "Try an item again now", s.retryFailure, status(202))
	add(r, may(access.MailSync), post, g+"/verify", "verify-google", "Check completeness and heal", s.verify, status(202))
	add(r, may(access.MailSync), post, g+"/preview", "preview-google", "What an import would be", s.preview)

	// Mail
	add(r, may(access.MailSync), post, g+"/gmail/sync", "sync-gmail", "Sync now", s.sync, status(202))
	add(r, may(access.MailRead), get, g+"/gmail/emails", "list-emails", "Messages, newest first", s.listEmails)
	add(r, may(access.MailRead), get, g+"/gmail/emails/{email_id}", "get-email", "One message", s.getEmail)
	add(r, may(access.MailRead), get, g+"/gmail/emails/{email_id}/attachments/{attachment_id}", "get-attachment", "The bytes of an attachment", s.getAttachment, answers("200", "application/octet-stream", "The file"))
	add(r, may(access.MailRead), get, g+"/gmail/threads/{thread_id}", "get-thread", "A conversation, oldest first", s.getThread)
	add(r, may(access.MailRead), get, g+"/gmail/labels", "list-labels", "Labels with their numbers", s.listLabels)
}
