/** The exam's domains as the learner knows them, in the order of the curriculum. */
export const domainTitles: Readonly<Record<string, string>> = {
  troubleshooting: 'Troubleshooting',
  'cluster-architecture': 'Cluster architecture',
  'services-networking': 'Services and networking',
  'workloads-scheduling': 'Workloads and scheduling',
  storage: 'Storage',
}

/** The curriculum's own long titles, as the readiness names its domains. */
const longTitles: Readonly<Record<string, string>> = {
  'Cluster Architecture, Installation and Configuration': 'Cluster architecture',
  'Servicing and Networking': 'Services and networking',
  'Workloads and Scheduling': 'Workloads and scheduling',
}
export const domainTitle = (id: string): string => domainTitles[id] ?? longTitles[id] ?? id
