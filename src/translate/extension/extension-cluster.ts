/** The cluster of an ExtensionService, called as Go Contour calls it. */
export function extensionCluster(namespace: string, name: string): string {
  return `extension/${namespace}/${name}`;
}
