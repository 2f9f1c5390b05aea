/** Resources that tell by name what was opened and closed, in order. */
export class RecordingStack extends AsyncDisposableStack {
  readonly opened: string[] = []
  readonly closed: string[] = []

  override use<T extends AsyncDisposable | Disposable | null | undefined>(resource: T): T {
    super.use(resource)
    const name = resource?.constructor.name ?? ''
    this.opened.push(name)
    // Called right before the resource itself, because disposal goes backwards.
    this.defer(() => void this.closed.push(name))
    return resource
  }
}
