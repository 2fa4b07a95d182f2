import { connectivityState, experimental } from '@grpc/grpc-js';
import type { Contender, Fleet } from './contender.ts';

type Helper = ConstructorParameters<typeof experimental.ChildLoadBalancerHandler>[0];
type Picker = Parameters<Helper['updateState']>[1];

/** A connected subchannel that does nothing. */
class Connected {
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  getConnectivityState(): connectivityState {
    return connectivityState.READY;
  }

  isHealthy(): boolean {
    return true;
  }

  getAddress(): string {
    return String(this.port);
  }

  addConnectivityStateListener(): void {}
  addHealthStateWatcher(): void {}
  ref(): void {}
  getChannelzRef(): undefined {}
}

/** The picker that @grpc/grpc-js makes of connected subchannels by one of its policies. Without load reports all weights are equal. */
export class GrpcPicker implements Contender {
  #picker!: Picker;
  readonly #call = { metadata: undefined, extraPickInfo: {} } as unknown as Parameters<Picker['pick']>[0];

  constructor(policy: 'round_robin' | 'weighted_round_robin', { endpoints }: Fleet) {
    const helper = {
      createSubchannel: (address: { port: number }) => new Connected(address.port),
      updateState: (_state: connectivityState, picker: Picker) => {
        this.#picker = picker;
      },
      requestReresolution: () => {},
      addChannelzChild: () => {},
      removeChannelzChild: () => {},
    } as unknown as Helper;
    new experimental.ChildLoadBalancerHandler(helper).updateAddressList(
      experimental.statusOrFromValue(endpoints.map(({ host, port }) => ({ addresses: [{ host, port }] }))),
      experimental.parseLoadBalancingConfig({ [policy]: {} }),
      {},
      '',
    );
  }

  pick(): { readonly port: number } {
    return this.#picker.pick(this.#call).subchannel as unknown as Connected;
  }
}
