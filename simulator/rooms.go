package simulator

import (
	"fmt"
	"slices"

	"rapport/simulator/control"
	"rapport/simulator/directory"
	"rapport/simulator/drive"
	"rapport/simulator/files"
	"rapport/simulator/front"
	"rapport/simulator/gmail"
	"rapport/simulator/meet"
	"rapport/simulator/sheets"
)

// standardRooms are the APIs every simulator has besides Pub/Sub.
func standardRooms() []RoomMaker {
	return []RoomMaker{
		func(k Kit) (front.Room, error) { return gmail.New(k.World, k.Publisher), nil },
		func(k Kit) (front.Room, error) { return drive.New(k.World, k.Files), nil },
		func(k Kit) (front.Room, error) { return sheets.New(k.World, k.Files), nil },
		func(k Kit) (front.Room, error) { return meet.New(k.World), nil },
		func(k Kit) (front.Room, error) { return directory.New(k.World), nil },
	}
}

// makeRooms makes the rooms of the options and the standard ones these do not
// replace.
func (s *Simulator) makeRooms() error {
	s.rooms = []front.Room{s.PubSub}
	s.files = files.New(s.World)
	kit := Kit{World: s.World, Publisher: s.PubSub, Files: s.files}
	for _, make := range slices.Concat(s.opt.Rooms, standardRooms()) {
		r, err := make(kit)
		if err != nil {
			return fmt.Errorf("make room: %w", err)
		}
		if slices.ContainsFunc(s.rooms, func(x front.Room) bool { return x.Name() == r.Name() }) {
			continue
		}
		s.rooms = append(s.rooms, r)
		if m, ok := r.(control.Mailboxes); ok {
			s.Mail = m
		}
		if m, ok := r.(control.Meetings); ok {
			s.meetings = m
		}
	}
	var err error
	s.Front, err = front.New(s.World, s.OAuth, s.rooms...)
	return err
}
