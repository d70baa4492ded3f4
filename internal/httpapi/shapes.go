package httpapi

import "rapport/client"

// What goes over the wire is defined once, in the client that others use too.
type (
	Token             = client.Token
	Credentials       = client.Credentials
	User              = client.User
	Workspace         = client.Workspace
	Me                = client.Me
	SetupState        = client.SetupState
	SetupRequest      = client.SetupRequest
	Member            = client.Member
	NewMember         = client.NewMember
	APIKey            = client.APIKey
	NewAPIKey         = client.NewAPIKey
	CreatedAPIKey     = client.CreatedAPIKey
	Connect           = client.Connect
	Status            = client.Status
	MissingScope      = client.MissingScope
	Settings          = client.Settings
	Counts            = client.Counts
	StreamStatus      = client.StreamStatus
	Progress          = client.Progress
	Completeness      = client.Completeness
	ConnectionShort   = client.ConnectionShort
	SettingsPatch     = client.SettingsPatch
	DisconnectRequest = client.DisconnectRequest
	Disconnected      = client.Disconnected
	EmailItem         = client.EmailItem
	Email             = client.Email
	Attachment        = client.Attachment
	EmailLink         = client.EmailLink
	Thread            = client.Thread
	Label             = client.Label
	Run               = client.Run
	RunCounts         = client.RunCounts
	SyncRequest       = client.SyncRequest
	Failure           = client.Failure
	VerifyRequest     = client.VerifyRequest
	Verification      = client.Verification
	PreviewRequest    = client.PreviewRequest
	Preview           = client.Preview
	List[T any]       = client.List[T]
	Event             = client.Event
)
