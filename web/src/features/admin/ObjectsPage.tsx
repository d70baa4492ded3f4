export const ObjectsPage = () => null;
