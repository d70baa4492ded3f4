/** How a record is marked wherever it is named: a face for a person, a sign for the others; a chip that leads to its page. */
import { Link } from "@tanstack/react-router";
import {
  BadgeDollarSign,
  Box,
  Briefcase,
  Building2,
  CalendarDays,
  Car,
  FileText,
  Flag,
  FolderKanban,
  Heart,
  House,
  Landmark,
  Lightbulb,
  MapPin,
  Package,
  Rocket,
  ShoppingCart,
  Star,
  Store,
  Ticket,
  Truck,
  UserRound,
  Wrench,
} from "lucide-react";
import type { ComponentType } from "react";
import { identity } from "@/lib/recordFields";
import type { RecordRef } from "@/lib/records";
import { Avatar } from "./kit";
import classes from "./RecordMark.module.css";

export type Icon = ComponentType<{ size?: number; strokeWidth?: number }>;

/** The icons that an object type can have. */
export const objectIcons: Record<string, Icon> = {
  box: Box,
  package: Package,
  briefcase: Briefcase,
  folder: FolderKanban,
  file: FileText,
  ticket: Ticket,
  house: House,
  map: MapPin,
  car: Car,
  truck: Truck,
  store: Store,
  cart: ShoppingCart,
  bank: Landmark,
  rocket: Rocket,
  idea: Lightbulb,
  wrench: Wrench,
  calendar: CalendarDays,
  flag: Flag,
  star: Star,
  heart: Heart,
};

const standard: Record<string, Icon> = { person: UserRound, company: Building2, deal: BadgeDollarSign };

export const iconOf = (type: string, icon?: string): Icon => standard[type] ?? objectIcons[icon ?? ""] ?? Box;

interface Props {
  record: RecordRef & { emails?: { value: string }[] };
  /** The icon of a custom type. */
  icon?: string;
  size?: number;
}

export function RecordMark({ record, icon, size = 22 }: Props) {
  if (record.type === "person") return <Avatar name={record.name} email={identity(record)} size={size} />;
  const Sign = iconOf(record.type, icon);
  return (
    <span className={classes.mark} style={{ width: size, height: size }} aria-hidden="true">
      <Sign size={Math.round(size * 0.62)} strokeWidth={1.75} />
    </span>
  );
}

export function RecordChip({ record, icon }: Omit<Props, "size">) {
  return (
    <Link to="/crm/records/$record" params={{ record: record.id }} className={classes.chip} title={record.name}>
      <RecordMark record={record} icon={icon} size={16} />
      <span>{record.name}</span>
    </Link>
  );
}
