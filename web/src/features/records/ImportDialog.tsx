export default function ImportDialog(_: any) {
  return null;
}
