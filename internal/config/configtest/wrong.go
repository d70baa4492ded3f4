// Package configtest has a wrong value for each setting that can be wrong.
package configtest

// Key is a good encryption key, for tests only.
const Key = "nKf5ZBAb1lbYxA9DMSWZtqvVfMcUSUg6rKVFMsIyDWk="

// Wrong gives a wrong value for each variable that can be wrong.
var Wrong = map[string]string{
	"SERVICE_HOST": "not a host", "SERVICE_PORT": "99999", "PUBLIC_URL": "crm.example.org", "ALLOWED_ORIGINS": "https://ok.example,*",
	"TRUSTED_PROXIES": "10.0.0.0/8,nowhere", "DATABASE_PATH": "/", "DATABASE_URL": "mysql://u:p4ssw0rd@h/d",
	"ENCRYPTION_KEY": Key + ",tooshort", "SESSION_LIFE": "soon", "TOKEN_LIFE": "1s", "AUDIT_KEPT": "1h", "SIGN_IN_DOMAINS": "someone@example.org",
	"BROKER_OPEN": "perhaps", "TOKEN_SERVICES": "tasks=everything", "GOOGLE_PUBSUB_TOPIC": "my-topic", "GOOGLE_PUBSUB_SUBSCRIPTION": "projects/p/topics/t",
	"GOOGLE_CLIENT_ID": "id-without-secret", "GOOGLE_CLIENT_SECRET": "secret-without-id", "GOOGLE_REDIRECT_URI": "/callback",
	"GOOGLE_QUOTA": "unlimited", "TOKEN_REFRESH_AHEAD": "2h", "GOOGLE_BASE_URL": "ftp://x", "GOOGLE_AUTH_URL": "accounts", "GOOGLE_TOKEN_URL": ":",
	"GOOGLE_PUSH_SERVICE_ACCOUNT": "push", "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json", "PUSH_FALLBACK": "1s",
	"GOOGLE_REVOKE_URL": "http://", "GOOGLE_USERINFO_URL": "x y", "GOOGLE_JWKS_URL": "file:///etc/passwd", "GOOGLE_ISSUER": "me",
	"WORKERS": "many", "WITHOUT_SYNC": "perhaps", "LOG_LEVEL": "loud", "LOG_FORMAT": "xml", "PPROF_ADDRESS": "6060",
	"OUTBOUND_ALLOW_PRIVATE": "perhaps", "MAIL_CA_FILE": "/nowhere/ca.pem", "GOOGLE_IMAP_ADDRESS": "993", "GOOGLE_SMTP_ADDRESS": "smtp",
	"ENRICH_MODE": "magic", "LLM_PROVIDER": "hal", "LLM_BASE_URL": "nowhere", "LLM_TIMEOUT": "soon",
	"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "nowhere",
}

// Free are variables in which every value can be read. DATA_DIR may still name
// a folder that cannot be made: that is trouble with the disk.
var Free = []string{"METRICS_TOKEN", "DATA_DIR", "GOOGLE_PUSH_AUDIENCE", "LLM_MODEL", "LLM_API_KEY"}

// Named is the variable a mistake is reported under: that of the other half,
// where one of two is missing.
func Named(variable string) string {
	switch variable {
	case "GOOGLE_CLIENT_ID":
		return "GOOGLE_CLIENT_SECRET"
	case "GOOGLE_CLIENT_SECRET":
		return "GOOGLE_CLIENT_ID"
	}
	return variable
}
