package data

// robot is a sender that is no person: newsletters, services, shops.
type robot struct {
	name, email string
	list        string // List-Id of a newsletter
	subjects    []string
	body        []string // paragraphs; newsletters take theirs from news
}

var newsletters = []robot{
	{"Lumen Weekly", "hello@lumenweekly.example", "lumenweekly.example", []string{"Lumen Weekly: what the new efficiency label means for you", "Lumen Weekly: seven lobbies we love", "Lumen Weekly: is warm dimming worth it?", "Lumen Weekly: notes from the spring fairs"}, nil},
	{"Contract Interiors Digest", "digest@contractinteriors.example", "digest.contractinteriors.example", []string{"This month: hotels that stay dark on purpose", "Ten projects to steal ideas from", "Reader survey: the state of fit-out"}, nil},
	{"Handelsblick", "news@handelsblick.example", "news.handelsblick.example", []string{"Energiepreise: was Hersteller jetzt planen", "Der Morgenüberblick: Aufträge ziehen an", "Fachkräfte: wie der Mittelstand wirbt"}, nil},
	{"The Selling Hour", "team@sellinghour.example", "sellinghour.example", []string{"Stop sending \"just checking in\"", "The five questions of a good discovery call", "How to lose a deal well"}, nil},
	{"Brightfair", "visitors@brightfair.example", "brightfair.example", []string{"Your ticket for Brightfair is waiting", "Brightfair: the halls are full, the talks are out", "Last week for early tickets"}, nil},
	{"Paperlane Office Supply", "offers@paperlane.example", "offers.paperlane.example", []string{"20 % off everything that stays on your desk", "New chairs, old prices", "Free delivery this week only"}, nil},
	{"Railhop", "deals@railhop.example", "deals.railhop.example", []string{"Summer fares from 19 euro", "Your points expire soon", "Night trains are back"}, nil},
}

var notifiers = []robot{
	{"Parcelroute", "no-reply@parcelroute.example", "", []string{"Your parcel {tracking} is on its way"},
		[]string{"Your parcel {tracking} from {company} has been picked up and is on its way to you.", "Expected delivery: {date}. You can choose a neighbour or a parcel shop until midnight."}},
	{"Parcelroute", "no-reply@parcelroute.example", "", []string{"Delivered: {tracking}"},
		[]string{"Your parcel {tracking} was delivered at {time}. It was signed for at the reception.", "How did we do? Rate your delivery with one click."}},
	{"Signlane", "requests@signlane.example", "", []string{"{sender} asks you to sign: framework agreement"},
		[]string{"A document is waiting for you: framework agreement {quote}, 6 pages, prepared by {company}.", "Open the document to read and sign it. The link is personal, please do not forward this mail."}},
	{"Signlane", "requests@signlane.example", "", []string{"Completed: contract {quote}"},
		[]string{"Everybody has signed: contract {quote} with {company}. The finished document is kept for you for ten years.", "Open it to see the signatures and the time stamps."}},
	{"Trackboard", "notify@trackboard.example", "", []string{"[{project}] 3 tasks are due this week"},
		[]string{"3 tasks in \"{project}\" are due until {weekday}: send revised drawings, confirm finish {ral}, book the fitters.", "You receive this because you follow the board. Change your settings to get a daily digest instead."}},
	{"Trackboard", "notify@trackboard.example", "", []string{"{sender} mentioned you in \"{project}\""},
		[]string{"{sender} wrote: \"Could you confirm {qty} pieces until {weekday}? The fitters need to know.\"", "Answer on the board or simply reply to this mail."}},
	{"Formpost", "forms@formpost.example", "", []string{"New entry in \"Request a sample\""},
		[]string{"Somebody filled in your form: \"We are interested in the {product} for the {project}, about {qty} pieces. Please send a sample.\" Company: {company}, {city}.", "Answer within the hour: enquiries that are answered quickly are seven times as likely to turn into an order."}},
	{"Formpost", "forms@formpost.example", "", []string{"New entry in \"Contact us\""},
		[]string{"Somebody filled in your form: \"Do you have a dealer in {city}? We would like to see the {product}.\" Company: {company}.", "See all entries of this week."}},
	{"Cloudshelf", "no-reply@cloudshelf.example", "", []string{"{sender} shared \"{project}\" with you"},
		[]string{"The folder \"{project}\" was shared with you, 14 files. You can view and comment.", "If you do not expect this, report it to your administrator."}},
	{"Cloudshelf", "no-reply@cloudshelf.example", "", []string{"New sign-in from a browser on Windows"},
		[]string{"There was a new sign-in to your account from a browser on Windows, near {mycity}.", "If this was you there is nothing to do. If not, change your password now."}},
	{"Meetwell", "calendar@meetwell.example", "", []string{"New booking: {company}, {date} at {time}"},
		[]string{"{sender} from {company} booked \"30 minutes about {project}\" for {date} at {time}.", "The event is in your calendar. Reschedule or cancel with the link below."}},
	{"Meetwell", "calendar@meetwell.example", "", []string{"Reminder: call with {company} tomorrow"},
		[]string{"Your call with {sender} from {company} is tomorrow at {time}. Topic: {project}.", "Running late? Let them know with one click."}},
}

var shops = []robot{
	{"Ledgerly", "billing@ledgerly.example", "", []string{"Receipt for your subscription", "Your Ledgerly invoice {invoice}"}, []string{"Thank you for your payment. This is the receipt for your subscription, 8 seats, monthly."}},
	{"Railhop Tickets", "tickets@railhop.example", "", []string{"Your ticket to {city}", "Booking {order} confirmed"}, []string{"Your trip to {city} on {date}, departing {time}. Coach 4, seats 41 and 42. Please carry a photo ID."}},
	{"Paperlane Office Supply", "orders@paperlane.example", "", []string{"Order {order} confirmed", "Invoice {invoice}"}, []string{"We have received your order {order}. It leaves our warehouse tomorrow."}},
	{"Hotel Skärvik", "reservations@skarvik-hotell.example", "", []string{"Your reservation {order}"}, []string{"We look forward to welcoming you on {date}. Check-in from 15:00, breakfast included. Free cancellation until two days before arrival."}},
	{"Taxi Nordlys", "receipts@taxi-nordlys.example", "", []string{"Your trip on {weekday}"}, []string{"Thank you for riding with us. From the station to the fair, 14 minutes."}},
}

var swindlers = []robot{
	{"Mr. Albert Winterbourne", "a.winterbourne@trust-fund.example", "", []string{"URGENT business proposal", "Your inheritance of $8.5 million"}, []string{"I am the attorney of a late client who shares your family name. Kindly answer with your full name, address and telephone number, so that the sum of 8,500,000 USD can be transferred."}},
	{"Account Security", "security@mail-verify-center.example", "", []string{"Your mailbox will be closed today", "Verify your account now!!!"}, []string{"Your mailbox has exceeded its limit. Click below within 24 hours to keep it. Failing that all messages will be lost."}},
	{"Rank Boosters", "sales@rank-boosters.example", "", []string{"1st page guaranteed", "Re: your website"}, []string{"I was on your website and noticed several errors. We can bring you to the first page within 30 days, or your money back."}},
}

// news is what newsletters are made of: headline and teaser.
var news = [][2]string{
	{"The lobby as a living room", "Three hotels removed their reception desks. What remained was light: low, warm and made for staying."},
	{"What 100,000 hours really mean", "Lifetime figures are easy to print and hard to check. We asked a laboratory to explain the small print."},
	{"Glare is a number", "UGR below 19 is in every tender. Here is how it is calculated, and why a good room may still glare."},
	{"Repair, not replace", "A driver that can be changed without a ladder saves more carbon than the most efficient chip."},
	{"Warm dimming, cold facts", "Guests prefer it, meters do not care. The story of a feature that sells itself."},
	{"The order book is back", "After two slow quarters, makers of fittings report fuller books, mostly from renovation."},
	{"A school without switches", "In a valley school, daylight decides. Teachers were sceptical until the first winter."},
	{"Brass, again", "It never went away, say the foundries. Lead times have doubled since spring."},
	{"Five minutes with a glass blower", "Heat, breath and two seconds of courage: how a shade gets its edge."},
	{"The quiet comeback of the bollard", "Paths at knee height: why landscape architects stopped lighting trees."},
	{"How to read a data sheet", "Start at the footnotes. Everything that is uncomfortable lives there."},
	{"Prices: what to expect next year", "Aluminium is down, electronics are not. Four makers on their price lists."},
	{"Meetings people come to", "Half as long, standing, and with an agenda of questions instead of topics."},
	{"The follow-up that works", "One new fact, one question, no apology. We looked at 4,000 answered mails."},
	{"Trade fairs: was it worth it?", "Count the second meetings, not the cards. A simple sheet to download."},
	{"Night trains are back", "Six new lines to the south, and what the first passengers say about breakfast."},
}

// wares are what shops advertise.
var wares = [][2]string{
	{"Sit better for less", "The chair with the seven levers is back, in green and in grey. Now with an armrest that stays where you put it."},
	{"Paper, but nicer", "Notebooks with thread binding, 160 pages, lined or blank. Three for the price of two until Sunday."},
	{"One cable for everything", "Charge laptop, telephone and lamp at the same time. Two metres, braided, five years of warranty."},
	{"The desk that stands up", "Electric, quiet, and now in oak. Delivered and put together on the floor you work on."},
}

// fares are what railways advertise.
var fares = [][2]string{
	{"By the window to the south", "Four hours, three mountain passes, one fare. Book until the end of the month and take a friend for half."},
	{"Your points have plans", "1,200 points are a coffee, 4,000 are a seat in first class. They expire at the end of the year."},
	{"The quiet coach is back", "On all trains between the capitals. Whispering allowed, telephones not."},
	{"Breakfast at 300", "Coffee, a roll and the sunrise, served at your seat until 9:30."},
}

// remarks lengthen messages of mailboxes that ask for it.
var remarks = []string{
	"For completeness, a summary of what we agreed so far: the mounting height stays at 2.9 m, the canopies are painted in the colour of the ceiling, and each room gets two circuits so that the cleaning staff can work in full light while the guests never see it.",
	"The electrician asks for the wiring diagram in advance, because the ceiling void is only 140 mm deep and the drivers have to sit beside the joists. If the driver box can be separated by two metres of cable we need no revision opening.",
	"As for the schedule: first fix is planned for the second week, ceilings close in the fourth, second fix starts directly afterwards. Deliveries are possible on weekdays between 7 and 15, the street in front of the building is closed to lorries after that.",
	"Please note that the site has no storage. Each delivery has to be labelled by floor and room, on half pallets if possible, and the packaging goes back with the driver. We had good experience with reusable crates in the last project.",
	"Our sustainability report needs the environmental product declaration and the share of recycled aluminium. A declaration by the manufacturer is sufficient as long as it is signed and not older than three years.",
	"About the emergency lighting: every fourth luminaire on the escape route needs a battery for one hour, with self test. The test results are read out by the building management, so the address list should match the room numbers on drawing E-204.",
	"The client would like to keep the existing switches in the heritage part of the building. That means mains dimming instead of a bus there, and we would need your confirmation that the lamps dim evenly on trailing edge dimmers down to five per cent.",
	"Regarding spare parts, please quote two per cent of each type as loose pieces, including shades and glass, to be stored with us. Experience tells that most of the damage happens in the first half year, when the furniture moves in.",
}
