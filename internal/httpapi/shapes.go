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
	IMAPLane          = client.IMAPLane
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

	Approval          = client.Approval
	ApprovalClient    = client.ApprovalClient
	ApprovalRequest   = client.ApprovalRequest
	ApprovalPatch     = client.ApprovalPatch
	ApprovalWish      = client.ApprovalWish
	Testing           = client.Testing
	GoogleClient      = client.GoogleClient
	NewGoogleClient   = client.NewGoogleClient
	GoogleClientPatch = client.GoogleClientPatch
	ConnectionHealth  = client.ConnectionHealth
	DoctorReport      = client.DoctorReport
	Finding           = client.Finding

	MemberPatch        = client.MemberPatch
	NewInvitation      = client.NewInvitation
	Invitation         = client.Invitation
	CreatedInvitation  = client.CreatedInvitation
	InvitationView     = client.InvitationView
	AcceptInvitation   = client.AcceptInvitation
	Colleague          = client.Colleague
	NewConnectLinks    = client.NewConnectLinks
	LinkPerson         = client.LinkPerson
	ConnectLink        = client.ConnectLink
	CreatedConnectLink = client.CreatedConnectLink
	ConnectLinkView    = client.ConnectLinkView
	Session            = client.Session
	SignOutEverywhere  = client.SignOutEverywhere
	PasswordChange     = client.PasswordChange
	MePatch            = client.MePatch
	AuditRow           = client.AuditRow

	VendedToken        = client.VendedToken
	AuthorizedServices = client.AuthorizedServices
	AuthorizedService  = client.AuthorizedService
	RevokedToken       = client.RevokedToken
	ServiceInfo        = client.ServiceInfo
	Health             = client.Health
	AuthorizeLinkWish  = client.AuthorizeLinkWish
	AuthorizeLink      = client.AuthorizeLink
	LeaseWish          = client.LeaseWish
	Lease              = client.Lease
	CreatedLease       = client.CreatedLease
	ServiceToken       = client.ServiceToken
	Event              = client.Event
)
