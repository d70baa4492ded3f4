package simulator

// standardRooms are the APIs every simulator has besides Pub/Sub.
func standardRooms() []RoomMaker {
	return nil
}
